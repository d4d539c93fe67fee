"""The estimator as a whole: scenarios with limits, outliers, gaps, restarts, memory."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.interface import State
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.sim.drives import Drive
from tcxo_host.sim.scenario import Fault, GpsStep, Scenario, Temperature, load_scenario
from tcxo_host.sim.world import World
from tcxo_tools.bench.trial import run_trial

RATES = {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}


def board(boot_id=1, board_id="b", tick_hz=84e6):
    return Board(board_id, boot_id, tick_hz, RATES)


def run(scenario: Scenario, seconds: int, kalman: Kalman | None = None, change=None, sensor=None):
    """Estimates for the first seconds of a scenario.

    ``change(index, ticks)`` may tamper with edges, ``sensor(index, celsius)`` with the temperature.
    """
    world = World(scenario, 1)
    if kalman is None:
        kalman = Kalman()
        kalman.restart(board())
    estimates = []
    for index in range(seconds):
        second = world.step()
        edges = change(index, dict(second.edges)) if change else second.edges
        celsius = sensor(index, second.temperature_c) if sensor else second.temperature_c
        estimates.append(kalman.update(Second(second.tick_end, edges, {}, celsius)))
    return estimates


def values(estimates):
    return np.array([e.freq_error_ppm if e.usable else np.nan for e in estimates])


STEADY = load_scenario("steady")


@pytest.mark.parametrize(
    ("name", "seconds", "rms_ppm", "worst_ppm"),
    [
        ("steady", 1200, 0.0016, 0.006),
        ("day", 1800, 0.0030, 0.015),
        ("load", 1800, 0.0026, 0.030),
        ("cold-start", 900, 0.0045, 0.030),
        ("gps-noisy", 2200, 0.0026, 0.012),
        ("pwm-fractional", 1200, 0.0025, 0.012),
        ("dropouts", 2100, 0.0022, 0.012),
        ("glitches", 1500, 0.0018, 0.008),
        ("reboot", 2400, 0.0030, 0.030),
        ("rtc-absent", 900, 0.0020, 0.008),
        ("no-tcxo", 1800, 0.0030, 0.025),
        ("uart-underrun", 1900, 0.0016, 0.006),
    ],
)
def test_scenario(name, seconds, rms_ppm, worst_ppm):
    scenario = load_scenario(name)
    track = run_trial(scenario, {"kalman": Kalman()}, 1, seconds)["kalman"]
    settled = track.after(min(scenario.settle_s, 300))
    fresh = settled.error_ppm[settled.fresh]
    assert np.sqrt(np.mean(fresh**2)) < rms_ppm
    assert np.abs(fresh).max() < worst_ppm
    assert settled.fresh.mean() > 0.9
    assert 0.4 < np.mean(settled.normalised() ** 2) < 2.5


def test_without_gps_nothing_is_ever_published():
    estimates = run(load_scenario("gps-absent"), 300)
    assert not any(e.usable for e in estimates)
    assert {(e.state, e.reason) for e in estimates} == {(State.ACQUIRE, "waiting for GPS")}
    assert estimates[-1].freq_error_ppm is None


def test_all_clocks_are_reported_against_gps():
    last = run(STEADY, 600)[-1]
    assert (last.state, last.reason, last.usable) == (State.TRACK, "", True)
    assert last.freq_error_ppm == pytest.approx(0.3, abs=0.02)
    assert last.tcxo_ppm == pytest.approx(0.47, abs=0.002)
    assert last.rtc_ppm == pytest.approx(-1.2, abs=0.02)
    assert 0 < last.tcxo_sigma_ppm < 0.001
    assert 0 < last.sigma_ppm < 0.002


def test_first_value_within_30_s_and_honest():
    estimates = run(STEADY, 40)
    first = next(k for k, e in enumerate(estimates) if e.usable)
    assert first <= 30
    for estimate in estimates[first:]:
        assert abs(estimate.freq_error_ppm - 0.3) < 4 * estimate.sigma_ppm


def test_with_a_stored_state_first_value_within_10_s():
    before = Kalman()
    before.restart(board())
    run(STEADY, 200, before)
    after = Kalman()
    after.import_state(json.loads(json.dumps(before.export_state())))
    after.restart(board(boot_id=2))
    estimates = run(STEADY, 12, after)
    first = next(k for k, e in enumerate(estimates) if e.usable)
    assert first <= 10
    assert abs(estimates[first].freq_error_ppm - 0.3) < 4 * estimates[first].sigma_ppm


def test_state_of_another_board_is_not_used():
    before = Kalman()
    before.restart(board())
    run(STEADY, 100, before)
    after = Kalman()
    after.import_state(before.export_state())
    after.restart(board(board_id="other"))
    assert not run(STEADY, 2, after)[-1].usable


@pytest.mark.parametrize("role", ["gps_pps", "rtc_pps", "host_pwm"])
def test_one_glitch_of_500_us_moves_nothing(role):
    glitch = dataclasses.replace(STEADY, fault=(Fault("glitch", role, at_s=400.1, shift_us=500.0),))
    clean, spoiled = run(STEADY, 600), run(glitch, 600)
    assert np.abs(values(spoiled) - values(clean))[390:].max() < 0.001
    assert spoiled[-1].rejected[role] == 1


def test_extra_and_missing_edges_are_no_trouble():
    def spoil(index, edges):
        pwm = edges["host_pwm"]
        if index == 400:
            edges["host_pwm"] = np.sort(np.append(pwm, pwm[10] + 7000))
        if index == 410:
            edges["host_pwm"] = np.delete(pwm, [3, 4, 30, 49])
        if index == 420:
            edges["gps_pps"] = np.append(edges["gps_pps"], edges["gps_pps"][0] + 900)
        if 430 <= index < 433:
            edges["gps_pps"] = edges["gps_pps"][:0]
        return edges

    moved = np.abs(values(run(STEADY, 600, change=spoil)) - values(run(STEADY, 600)))
    assert moved[390:].max() < 0.002


def test_a_gps_phase_step_is_recognised_and_moves_nothing():
    gps = dataclasses.replace(STEADY.gps, step=(GpsStep(400.0, 5000.0),))
    stepped = run(dataclasses.replace(STEADY, gps=gps), 700)
    moved = np.abs(values(stepped) - values(run(STEADY, 700)))
    assert moved[390:].max() < 0.002
    assert stepped[-1].rejected["gps_pps"] <= 6
    assert {e.state for e in stepped[50:]} == {State.TRACK}


def test_a_pwm_with_another_phase_has_the_same_rate():
    def shifted(index, edges):
        if index >= 400:
            edges["host_pwm"] = edges["host_pwm"] + 84_000 * 7  # 7 ms: another phase
        return edges

    estimates = run(STEADY, 500, change=shifted)
    moved = np.abs(values(estimates) - values(run(STEADY, 500)))
    assert moved[390:].max() < 0.001
    assert estimates[-1].tcxo_sigma_ppm < 0.001
    assert estimates[-1].rejected["host_pwm"] <= 25


def test_wrong_pwm_rate_is_said_and_never_published():
    def faster(index, edges):
        return {**edges, "host_pwm": edges["host_pwm"][0] + np.arange(50) * 1_678_000}

    estimates = run(STEADY, 60, change=faster)
    assert not any(e.usable for e in estimates)
    assert estimates[-1].reason == "PWM is not at its nominal rate"


def test_pwm_lost_is_hold_and_comes_back():
    def cut(index, edges):
        return {**edges, "host_pwm": edges["host_pwm"][:0]} if 400 <= index < 460 else edges

    estimates = run(STEADY, 500, change=cut)
    assert (estimates[440].state, estimates[440].reason) == (State.HOLD, "PWM lost")
    assert not estimates[440].usable
    assert estimates[465].usable
    assert estimates[465].freq_error_ppm == pytest.approx(estimates[398].freq_error_ppm, abs=0.01)


def test_holdover_grows_unsure_and_ends_in_hold_without_a_thermometer():
    world, kalman = World(STEADY, 1), Kalman()
    kalman.settings = dataclasses.replace(kalman.settings, holdover_limit_ppm=0.005)
    kalman.restart(board())
    states, sigmas = [], []
    for index in range(1400):
        second = world.step()
        edges = dict(second.edges)
        if index >= 300:
            edges["gps_pps"] = edges["gps_pps"][:0]
        estimate = kalman.update(Second(second.tick_end, edges))
        states.append((estimate.state, estimate.reason))
        sigmas.append(estimate.sigma_ppm)
    changes = [state for k, state in enumerate(states) if k == 0 or state != states[k - 1]]
    assert changes[-3:] == [
        (State.TRACK, ""),
        (State.HOLDOVER, "GPS lost"),
        (State.HOLD, "GPS lost for too long"),
    ]
    assert sigmas[700] < sigmas[1000] < sigmas[1390]


def test_reboot_keeps_the_rates_and_is_quick():
    kalman = Kalman()
    kalman.restart(board())
    run(STEADY, 300, kalman)
    kalman.restart(board(boot_id=2))
    estimates = run(STEADY, 10, kalman)
    assert any(e.usable for e in estimates[:8])
    assert all(abs(e.freq_error_ppm - 0.3) < 0.03 for e in estimates if e.usable)


def test_counter_at_the_end_of_a_year_is_as_good_as_at_its_start():
    year = 365 * 86_400 * 84_000_000

    def later(kalman):
        world, out = World(STEADY, 1), []
        for _ in range(400):
            s = world.step()
            edges = {role: ticks + year for role, ticks in s.edges.items()}
            out.append(kalman.update(Second(s.tick_end + year, edges, {}, s.temperature_c)))
        return out

    kalman = Kalman()
    kalman.restart(board())
    old, new = values(later(kalman)), values(run(STEADY, 400))
    # The one difference left is that a board a year up is not warming up any more.
    assert np.nanmax(np.abs(old - new)[60:]) < 0.004


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_gaps_and_losses_never_make_a_bad_value(data):
    """Whatever is missing, whole seconds included: what is published is within five of its own sigmas."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    share = data.draw(st.floats(0.0, 0.9))
    starts = data.draw(st.lists(st.integers(20, 280), max_size=3))
    length = data.draw(st.integers(1, 60))
    world, kalman = World(STEADY, 2), Kalman()
    kalman.restart(board())
    for index in range(300):
        second = world.step()
        if any(start <= index < start + length for start in starts):
            continue  # the seconds themselves are lost
        edges = {role: ticks[rng.random(ticks.size) >= share] for role, ticks in second.edges.items()}
        estimate = kalman.update(Second(second.tick_end, edges, {}, second.temperature_c))
        if estimate.usable:
            truth = world.pi_ppm_between(index + 1.5, index + 2.5)
            assert abs(estimate.freq_error_ppm - truth) < 5.5 * estimate.sigma_ppm + 1e-4


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2), st.integers(-800_000, 800_000).filter(lambda shift: abs(shift) > 60))
def test_any_lone_outlier_is_harmless(which, shift):
    role = list(RATES)[which]

    def spoil(index, edges):
        if index == 150:
            ticks = edges[role].copy()
            ticks[len(ticks) // 2] += shift
            edges[role] = np.unique(ticks)
        return edges

    moved = np.abs(values(run(STEADY, 200, change=spoil)) - values(CLEAN))
    assert moved[140:].max() < 0.003


CLEAN = run(STEADY, 200)


@pytest.mark.parametrize(
    "damage",
    [
        {"rates": None},
        {"rates": {"gps_rate": {"ppb": "x", "sigma_ppb": 1}}},
        {"rates": {"gps_rate": {"ppb": 1e12, "sigma_ppb": 1}}},
        {"tick_hz": None},
        {"noise": {}},
        {"temperature": {}},
        {"celsius": "warm"},
    ],
)
def test_damaged_state_is_refused_whole(damage):
    good = Kalman()
    good.restart(board())
    run(STEADY, 20, good)
    fresh = Kalman()
    before = fresh.export_state()
    with pytest.raises(ValueError, match="is not a|temperature model"):
        fresh.import_state({**good.export_state(), **damage})
    assert fresh.export_state() == before


def test_deterministic():
    assert run(STEADY, 100) == run(STEADY, 100)


BROKEN_AT_S = 3600


@pytest.mark.parametrize(
    "sensor",
    [
        pytest.param(lambda index, celsius: celsius + 20.0, id="another sensor"),
        pytest.param(lambda index, celsius: celsius + 20.0 * (index // 7 % 2), id="two sensors in turn"),
        pytest.param(lambda index, celsius: 85.0, id="power-on value"),
        pytest.param(lambda index, celsius: -273.0, id="short circuit"),
        pytest.param(lambda index, celsius: None, id="no answer"),
    ],
)
def test_a_broken_temperature_sensor_moves_nothing(sensor):
    """The oscillator's 0.03 ppm/degree was learned; what the sensor then says did not happen to it."""
    tcxo = dataclasses.replace(STEADY.tcxo, ppm_per_c=0.03)
    room = Temperature(25.0, 0.05, (Drive("sinusoid", 4.0, 3600.0),))
    scenario = dataclasses.replace(STEADY, tcxo=tcxo, temperature=room, duration_s=4000)
    estimates = run(
        scenario,
        BROKEN_AT_S + 300,
        sensor=lambda index, celsius: sensor(index, celsius) if index > BROKEN_AT_S else celsius,
    )
    after = values(estimates)[BROKEN_AT_S:]
    assert not np.isnan(after).any()
    assert np.abs(after - STEADY.pi.freq_ppm).max() < 0.02
