"""A GPS receiver that lies: no fix, a slow fix, bad reception. What reaches chrony must stay right."""

import dataclasses

import numpy as np
import pytest
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.interface import State
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.drives import Drive
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

TICK_HZ = 84e6
STEADY = dataclasses.replace(load_scenario("steady"), duration_s=9000)


def published(seconds, late_s, scenario=STEADY):
    """What is in force each second (error, ppm; NaN before the first), and the estimates.

    ``late_s(second)`` is by how much the receiver's pulse comes late.
    """
    world, kalman, policy = World(scenario, 1), Kalman(), PublishPolicy()
    kalman.restart(Board("b", 1, TICK_HZ, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}))
    in_force, last, estimates = [], np.nan, []
    for index in range(seconds):
        second = world.step()
        late = round(late_s(index) * TICK_HZ)
        edges = {**second.edges, "gps_pps": second.edges["gps_pps"] + late}
        estimate = kalman.update(Second(second.tick_end, edges, {}, second.temperature_c))
        error_ppm = policy.decide(estimate).error_ppm
        last = last if error_ppm is None else error_ppm
        in_force.append(second.truth_pi_ppm - last)
        estimates.append(estimate)
    return np.array(in_force), estimates


LOST_AT_S, BACK_AT_S = 900, 1500


@pytest.mark.parametrize("ppm", [0.05, 0.1, 0.5, 2.0, -5.0])
def test_a_receiver_that_runs_freely_is_not_believed(ppm):
    """Without a fix many receivers go on pulsing from their own crystal."""

    def late_s(second):
        return 1e-6 * ppm * min(max(second - LOST_AT_S, 0), BACK_AT_S - LOST_AT_S)

    error_ppm, estimates = published(BACK_AT_S + 300, late_s)
    assert np.abs(error_ppm[LOST_AT_S:]).max() < 0.008
    doubting = {(each.state, each.reason) for each in estimates[LOST_AT_S + 30 : BACK_AT_S]}
    assert doubting == {(State.HOLDOVER, "GPS contradicts the TCXO: has the receiver a fix?")}
    assert {each.state for each in estimates[BACK_AT_S + 30 :]} == {State.TRACK}


@pytest.mark.parametrize("ppm", [0.1, -0.3, 1.0])
def test_a_counter_that_jumps_takes_the_pi_along_and_is_believed_at_once(ppm):
    """To the board both look alike, but the Pi's clock is a witness."""
    tcxo = dataclasses.replace(STEADY.tcxo, drive=(Drive("step", ppm, at_s=LOST_AT_S),))
    error_ppm, estimates = published(
        LOST_AT_S + 300, lambda second: 0.0, dataclasses.replace(STEADY, tcxo=tcxo)
    )
    assert not any("contradicts" in each.reason for each in estimates)
    assert np.abs(error_ppm[LOST_AT_S + 60 :]).max() < 0.010


def test_a_contradiction_of_an_hour_is_believed():
    """Then the counter did change after all, with the Pi's own wander hiding it."""

    def late_s(second):
        return 0.5e-6 * max(second - LOST_AT_S, 0)

    _, estimates = published(LOST_AT_S + 3600 + 600, late_s)
    states = [each.state for each in estimates]
    assert State.TRACK not in states[LOST_AT_S + 30 : LOST_AT_S + 3600]
    assert set(states[LOST_AT_S + 3600 + 60 :]) == {State.TRACK}
    assert estimates[-1].tcxo_ppm - estimates[LOST_AT_S].tcxo_ppm == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    ("noise_ns", "first_s", "worst_ppm"), [(30, 20, 0.02), (100, 30, 0.025), (300, 45, 0.04)]
)
def test_noisy_pulses_from_the_start_give_a_right_value_soon(noise_ns, first_s, worst_ppm):
    """As soon as so noisy pulses can: their slope is known to 0.01 ppm after (noise / 3 ns)^(2/3) seconds."""
    late_s = np.random.default_rng(3).standard_normal(900) * noise_ns * 1e-9
    error_ppm, _ = published(900, lambda second: late_s[second])
    first = int(np.flatnonzero(~np.isnan(error_ppm))[0])
    assert first <= first_s
    assert np.abs(error_ppm[first:]).max() < worst_ppm
    assert np.abs(error_ppm[300:]).max() < 0.010


def test_a_fix_that_settles_costs_little():
    """The first pulses after a fix come a microsecond late."""
    error_ppm, _ = published(300, lambda second: 1e-6 * np.exp(-second / 5.0))
    assert np.nanmax(np.abs(error_ppm)) < 0.1
    assert np.abs(error_ppm[60:]).max() < 0.010
