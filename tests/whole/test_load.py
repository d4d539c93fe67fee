"""The daemon, end to end, on a Pi whose load changes: it follows where the 64 s average trails behind."""

import json

import numpy as np
import pytest
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World

SECONDS = 700


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    state = folder / "kept" / "state.json"
    world = World(load_scenario("load"), seed=3)
    options = ["--estimator", "kalman", "--state", str(state)]
    with Simulation(
        world, str(folder / "tcxo"), folder, speed=100, daemon_options=options, seed=3
    ) as simulation:
        summary = simulation.run(SECONDS, lambda progress: None)
    rows = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    return summary, rows, state


def test_error_stays_small_through_the_steps(run):
    summary, rows, _ = run
    assert summary["state"] == "track"
    assert summary["first_publish_s"] <= 30
    assert summary["rms_error_ppm"] < 0.005
    assert summary["worst_error_ppm"] < 0.04
    # the load really moved the crystal meanwhile
    written = np.array([row["published_ppm"] for row in rows if row["published_ppm"] is not None])
    assert written.max() - written.min() > 0.4


def test_every_value_says_how_sure_it_is(run):
    _, rows, _ = run
    sigmas = [row["sigma_ppm"] for row in rows if row["published_ppm"] is not None]
    assert 0 < min(sigmas) <= max(sigmas) <= 0.05


def test_what_was_learned_is_kept_when_the_daemon_ends(run):
    _, _, state = run
    kept = json.loads(state.read_text())
    assert kept["kind"] == "tcxo-host kalman"
    assert kept["content"]["rates"]["gps_rate"]["ppb"] == pytest.approx(-470, abs=5)
    baseline = json.loads(state.with_name("baseline.json").read_text())
    assert baseline["content"]["ppm"] == 0.0
