"""The phase's sigma holds against receivers as they are, of which the filter sees only the fast noise."""

import math

import numpy as np
import pytest
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.filter.clock_model import GPS_U
from tcxo_host.estimate.receiver_wander import phase_sigma_ns
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

RECEIVERS = 64
SETTLE_S, SECONDS = 150, 250
RATES = {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}


def phase_errors(seed):
    """Of one receiver: the errors of GPS time as the filter has it (ns), and the filter's sigmas.

    The Pi's own phase is known to a nanosecond and left out.
    """
    world, kalman = World(load_scenario("gps-wander"), seed), Kalman()
    kalman.restart(Board("wander", 1, float(world.tick_hz), RATES))
    errors, sigmas = [], []
    for index in range(SECONDS):
        second = world.step()
        kalman.update(Second(second.tick_end, second.edges, {}, second.temperature_c))
        if index < SETTLE_S:
            continue
        clocks, comb = kalman.clocks, kalman._channels.gps.comb
        reading_s = clocks.seconds_after(comb.anchor) * -1.0 + clocks.filter.mean[GPS_U] * 1e-9
        true_s = world.time_of_tick(clocks.epoch) - 0.3
        errors.append((reading_s - true_s + 0.5) % 1.0 - 0.5)
        sigmas.append(math.sqrt(clocks.filter.cov[GPS_U, GPS_U]))
    return np.array(errors) * 1e9, np.array(sigmas)


def test_the_phases_sigma_is_honest_for_wandering_receivers():
    """Each receiver stands somewhere else in its slow wander: many of them show how far that reaches."""
    squares, claimed = [], []
    for seed in range(1, RECEIVERS + 1):
        errors, filter_ns = phase_errors(seed)
        squares.append(np.mean((errors / [phase_sigma_ns(each) for each in filter_ns]) ** 2))
        claimed.append(np.mean((errors / filter_ns) ** 2))
    assert 0.7 < np.mean(squares) < 1.4
    assert np.mean(claimed) > 3.0, "the filter sees it after all: the constant is not needed"


def test_a_better_receiver_can_be_told():
    assert phase_sigma_ns(3.0, 4.0) == pytest.approx(5.0)
    assert phase_sigma_ns(2.0, 0.0) == 2.0
