"""GPS time against the Pi's, as the filter tells it, against the simulated truth."""

import dataclasses
import itertools

import numpy as np
import pytest
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman, KalmanSettings
from tcxo_host.sim.scenario import Fault, load_scenario
from tcxo_host.sim.world import World

TICK_HZ = 84e6
GPS_FIRST_S, PWM_FIRST_S = 0.3, 0.0073
"""Where ``World`` puts the first edges."""
STEADY = load_scenario("steady")


def phases(seconds, scenario=STEADY, seed=1, moved_ns=lambda second: 0.0):
    """Each second's phase and its error (ns): GPS after a PWM edge as told, minus as it is."""
    world, kalman = World(scenario, seed), Kalman(KalmanSettings(phase=True))
    kalman.restart(Board("b", 1, TICK_HZ, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}))
    for index in range(seconds):
        second = world.step()
        shift = round(moved_ns(index) * 1e-9 * TICK_HZ)
        edges = {**second.edges, "host_pwm": second.edges["host_pwm"] + shift}
        phase = kalman.update(Second(second.tick_end, edges, {}, second.temperature_c)).phase
        yield phase, None if phase is None else error_ns(world, phase, shift / TICK_HZ)


def error_ns(world, phase, shift_s):
    true_s = world.time_of_tick(phase.tick)
    gps_ns = (true_s - GPS_FIRST_S) % 1.0 * 1e9
    pi_ns = (true_s + world.pi_error_s(true_s) - PWM_FIRST_S - shift_s) % 0.02 * 1e9
    told = phase.gps_after_ns - phase.pi_after_ns
    # whole periods are the numbering's business
    return (told - (gps_ns - pi_ns) + 1e7) % 2e7 - 1e7


def test_the_error_is_a_few_nanoseconds_and_sigma_says_so():
    errors, sigmas = zip(*((e, p.sigma_ns) for p, e in phases(4000) if p is not None), strict=True)
    errors, sigmas = np.array(errors[600:]), np.array(sigmas[600:])
    assert errors.std() < 6.5
    assert abs(errors.mean()) < 4
    assert 0.5 < np.mean((errors / sigmas) ** 2) < 2.5
    assert np.abs(errors / sigmas).max() < 5


def test_edges_are_numbered_through_missing_ones_and_the_second_is_carried_on_by_the_rate():
    missing = Fault("outage", "host_pwm", at_s=100, duration_s=2.0)
    scenario = dataclasses.replace(STEADY, fault=(missing,))
    seen = [phase for phase, _ in phases(140, scenario) if phase is not None]
    assert len({phase.lineage for phase in seen}) == 1
    for before, after in itertools.pairwise(seen):
        gone_ns = (after.pi_edge - before.pi_edge) * 2e7 + after.pi_after_ns - before.pi_after_ns
        assert gone_ns == pytest.approx(before.pi_elapsed_ns(after.tick), abs=150)
        assert (before.gps_at(gone_ns) - after.gps_after_ns + 1e8) % 1e9 - 1e8 == pytest.approx(0, abs=60)


@pytest.mark.parametrize("moved_ns", [60.0, 200.0, -120.0, 290.0])
def test_edges_that_move_are_told_in_that_second(moved_ns):
    seen = [each for each, _ in phases(320, moved_ns=lambda second: moved_ns if second >= 300 else 0.0)]
    assert seen[300].moved_ns == pytest.approx(-moved_ns, rel=0.2)
    assert max(abs(each.moved_ns) for each in seen[60:300]) < 20


def test_a_pwm_that_was_rewritten_is_numbered_anew():
    seen = [each for each, _ in phases(320, moved_ns=lambda second: 5e6 if second >= 300 else 0.0)]
    assert seen[299].lineage != seen[-1].lineage
    assert None in seen[300:306]


def test_without_gps_sigma_grows_and_stays_honest():
    outage = Fault("outage", "gps_pps", at_s=1800, duration_s=0)
    scenario = dataclasses.replace(STEADY, fault=(outage,))
    for seed in (1, 2, 3):
        away = list(phases(3600, scenario, seed))[1810:]
        assert max(abs(error) / phase.sigma_ns for phase, error in away) < 4
        assert 100 < away[-1][0].sigma_ns < 20_000
        assert away[-1][0].sigma_ns > 10 * away[0][0].sigma_ns


def test_nothing_is_told_before_gps_and_pwm_were_seen():
    absent = dataclasses.replace(STEADY, gps=dataclasses.replace(STEADY.gps, present=False))
    assert [phase for phase, _ in phases(30, absent)] == [None] * 30


def test_nothing_is_computed_that_nobody_asks_for():
    world, kalman = World(STEADY, 1), Kalman()
    kalman.restart(Board("b", 1, TICK_HZ, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}))
    for second in (world.step() for _ in range(30)):
        assert kalman.update(Second(second.tick_end, second.edges, {}, second.temperature_c)).phase is None
