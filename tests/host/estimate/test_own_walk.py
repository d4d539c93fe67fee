"""The Pi's own walk is told apart from the counter's by GPS, and a counter that is worse than the Pi costs nothing."""

import dataclasses

import numpy as np
import pytest
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.learn.own_walk import EVERY_S, OwnWalk
from tcxo_host.estimate.kalman.track.sight import Sight
from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench.riccati import bound_rms_ppm
from tcxo_tools.bench.trial import run_trial

TICK_HZ, RATE_HZ, GPS_NS = 84e6, 50.0, 15.0


def seen(own_ppb, gps_ns, counter_ppb=3.0, seconds=2400):
    """What is learned of a Pi that walks by ``own_ppb`` a root second, through a counter that walks more."""
    rng, own = np.random.default_rng(3), OwnWalk()
    counter_ns = np.cumsum(np.cumsum(rng.standard_normal(seconds) * counter_ppb))
    pi_ns = np.cumsum(np.cumsum(rng.standard_normal(seconds) * own_ppb))
    for second in range(0, seconds, EVERY_S):
        # The counter gained counter_ns: the pulse comes at a later tick, and the Pi's reading is behind by as much.
        tick = round((second + (counter_ns[second] + rng.standard_normal() * gps_ns) * 1e-9) * TICK_HZ)
        reading_ns = pi_ns[second] - counter_ns[second]
        sight = Sight(tick, round(second * TICK_HZ), round(second * RATE_HZ), reading_ns, 0.0, 0.0, 0.0, 0.0)
        own.add(sight, tick, TICK_HZ, RATE_HZ, gps_ns**2)
    return own


@pytest.mark.parametrize("own_ppb", [0.15, 0.6, 2.0])
def test_the_pis_own_walk_is_seen_through_a_counter_that_walks_more(own_ppb):
    assert 0.9 < np.sqrt(seen(own_ppb, GPS_NS).at_most(0.0)) / own_ppb < 2.5


def test_beside_noisier_pulses_the_bound_is_wider_and_beside_bad_ones_there_is_none():
    """It was the scatter of nothing: noise that by chance was all that was seen said that the Pi does not walk."""
    assert np.sqrt(seen(0.15, 35.0).at_most(0.0)) > 0.2
    assert seen(0.15, 60.0).at_most(0.0) is None


def test_it_is_not_known_at_once():
    assert OwnWalk().at_most(1.0) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_an_ordinary_crystal_in_a_draught_costs_next_to_nothing_beside_the_bound(seed):
    """While GPS pulses, what Pi and counter do together cancels. The bound takes the crystal's walk, no gusts."""
    scenario = dataclasses.replace(load_scenario("no-tcxo"), duration_s=3600)
    track = run_trial(scenario, {"kalman": Kalman()}, seed)["kalman"].after(900)
    assert track.rms_ppm() < 1.08 * bound_rms_ppm(scenario)
