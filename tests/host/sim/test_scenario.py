"""Scenario files: all of them load and run, and a broken one is named with its fault."""

import numpy as np
import pytest
from tcxo_host.errors import DataError, UsageError
from tcxo_host.sim.scenario import load_scenario, scenario_names
from tcxo_host.sim.world import World

ISSUED = {
    *("day", "load", "cold-start", "gps-outage", "gps-noisy", "pwm-fractional"),
    *("dropouts", "glitches", "reboot", "rtc-absent", "gps-absent"),
}


def test_all_scenarios_are_there():
    assert set(scenario_names()) >= ISSUED


@pytest.mark.parametrize("name", scenario_names())
def test_scenario_runs(name):
    scenario = load_scenario(name)
    world = World(scenario, 1)
    seconds = [world.step() for _ in range(130)]
    assert scenario.name == name
    assert scenario.description
    assert scenario.duration_s >= 900
    assert np.isfinite([second.truth_pi_ppm for second in seconds]).all()
    assert any(len(second.edges["gps_pps"]) for second in seconds) == (name != "gps-absent")


def test_day_is_the_day_of_the_article():
    world = World(load_scenario("day"), 1)
    ppm = np.array([world.step().truth_pi_ppm for _ in range(86_400)])
    assert ppm.std() == pytest.approx(0.24, abs=0.06)
    assert -0.6 < ppm.min() < ppm.max() < 1.5


def test_unknown_name_lists_the_known():
    with pytest.raises(UsageError, match=r"unknown scenario 'dya': use one of .*day"):
        load_scenario("dya")


def test_missing_file():
    with pytest.raises(UsageError, match="does not exist"):
        load_scenario("/nonexistent/x.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("description = ", "no TOML"),
        ("colour = 1", "unknown key 'colour'"),
        ("duration_s = 'long'", "duration_s = 'long' has the wrong type"),
        ("[pi]\nwhite_fn = 1", "pi: unknown key 'white_fn'"),
        ("[[fault]]\nkind = 'meteor'", "fault kind 'meteor' is none of"),
        ("[[fault]]\nkind = 'outage'\nrole = 'pps'", "fault role 'pps' is none of"),
        ("[[fault]]\nrole = 'gps_pps'", "kind is missing"),
        ("fault = [3]", "array of tables"),
        ("[pi]\ndrive = [{ kind = 'sin', amplitude = 1 }]", "drive kind 'sin' is none of"),
    ],
)
def test_broken_file_is_one_clear_sentence(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load_scenario(str(path))
