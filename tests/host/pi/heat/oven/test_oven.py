"""The oven on the simulated Pi: it holds what it is told, under load, through a door, with any sensor."""

import dataclasses

import numpy as np
import pytest
from tcxo_host.cli.machine.heat.simulated import SimulatedPi
from tcxo_host.pi.heat.follow import follow
from tcxo_host.pi.heat.oven.control import PiControl, spread
from tcxo_host.pi.heat.oven.oven import Oven
from tcxo_host.pi.heat.oven.reading import Reading
from tcxo_host.pi.heat.oven.slope_walk import SlopeWalk
from tcxo_host.sim.thermal_plant import DieSensor, Plant, PlantValues, Room, TelegraphLoad

CORES = frozenset({1, 2, 3})
SENSORS = [(0.5, 0.0), (0.487, 0.3), (0.054, 0.0)]
STEADY = Room(sun_k=0.0, heating_k=0.0)
SETTLED_S = 5400


def held(pi, hours, set_point_c=61.0, **oven):
    """The truth's columns: time, die, ppm, burning cores."""
    stop = follow(
        pi, Oven(CORES, set_point_c, **oven), "test", lambda *_: None, lambda r: r.t_s >= hours * 3600
    )
    assert stop == ""
    return np.array([dataclasses.astuple(row) for row in pi.truth]).T


@pytest.mark.parametrize("sensor", SENSORS)
def test_the_die_stays_within_a_tenth_of_a_kelvin_under_a_load_that_comes_and_goes(sensor):
    pi = SimulatedPi(load=TelegraphLoad(4), sensor=DieSensor(*sensor))
    _, die_c, _, _ = held(pi, 4.0)
    assert die_c[SETTLED_S:].std() < 0.1
    # the sensor rounds down by half a step in the mean, and the nearest edge is half a step away at most
    assert abs(die_c[SETTLED_S:].mean() - 61.0) < sensor[0] + 0.1


@pytest.mark.parametrize("sensor", SENSORS)
def test_nothing_swings_when_nothing_changes(sensor):
    pi = SimulatedPi(sensor=DieSensor(*sensor), room=STEADY, truth_every=1)
    _, die_c, _, burned = held(pi, 2.5)
    last = slice(-7200, None)
    noise_k = sensor[1]
    assert np.ptp(die_c[last]) < 0.05 + 1.5 * noise_k
    assert np.ptp(burned[last]) < 0.2 + 4.0 * noise_k


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_pi_that_warms_twice_or_half_as_much_is_held_too(factor):
    """As with a heat sink, or in a closed case; the power is changed, so that the reach is."""
    values = PlantValues(burn_w_per_core=factor, load_w_per_core=0.8 * factor)
    pi = SimulatedPi(Plant(values, 20.0), room=STEADY, load=TelegraphLoad(4, cores=0.6 / factor))
    _, die_c, _, _ = held(pi, 4.0, set_point_c=54.0)
    assert die_c[SETTLED_S:].std() < 0.1


def test_a_door_that_is_opened_is_made_up_for():
    room = dataclasses.replace(STEADY, doors=((7200.0, 7800.0),))
    _, die_c, _, burned = held(SimulatedPi(room=room), 3.5)
    assert np.abs(die_c[7200:] - die_c[7000:7200].mean()).max() < 0.1
    assert burned[7200:8400].max() > burned[7000:7200].mean() + 0.1, "the door was felt"


def test_a_set_point_out_of_reach_is_told_and_not_wound_up():
    pi = SimulatedPi(room=STEADY)
    oven, seen = Oven(CORES, 90.0 - 25.0), []
    cold = Plant(room_c=-20.0)
    pi.plant, pi.room = cold, dataclasses.replace(STEADY, mean_c=-20.0)
    follow(pi, oven, "test", lambda row, command: seen.append(command.saturated), lambda r: r.t_s > 5400)
    assert set(seen[-60:]) == {"full"}
    pi.room = dataclasses.replace(STEADY, mean_c=20.0)
    end_s = pi.t_s + 5400
    follow(pi, oven, "test", lambda *_: None, lambda r: r.t_s > end_s)
    die_c = np.array([row.die_c for row in pi.truth])
    assert die_c.max() < 65.0 + 1.0, "an integral that had wound up would overshoot by far"
    assert abs(die_c[-300:].mean() - 65.0) < 0.5


def test_work_replaces_burning_at_once():
    control = PiControl()
    before = 0.0
    while before < 1.5:
        before = control.step(0.25, 60.0, 60.1, 0.0, 3.0)
    after = control.step(0.25, 60.0, 60.1, 0.8, 3.0)
    assert before - after == pytest.approx(0.8, abs=0.05)


def test_burning_is_spread_evenly_over_what_is_free():
    assert spread(1.5, [0.0, 1.0, 1.0, 1.0]) == pytest.approx((0.0, 0.5, 0.5, 0.5))
    assert spread(1.5, [0.0, 0.1, 1.0, 1.0]) == pytest.approx((0.0, 0.1, 0.7, 0.7))
    assert spread(9.0, [0.0, 0.1, 1.0, 1.0]) == pytest.approx((0.0, 0.1, 1.0, 1.0))
    assert spread(0.0, []) == ()


def test_a_reading_that_is_missing_for_a_moment_changes_nothing():
    oven = Oven(CORES, 60.0)
    readings = [Reading(n * 0.25, 50.0, (0.0,) * 4, (0.0,) * 4) for n in range(40)]
    shares = [oven.step(each).shares for each in readings]
    command = oven.step(dataclasses.replace(readings[0], t_s=10.0, temperature_c=None))
    assert (command.shares, command.stop) == (shares[-1], "")


def test_the_outer_loop_walks_to_the_turnover_and_stays_there():
    pi = SimulatedPi(room=STEADY)
    true_c = pi.plant.die_for_crystal_c(pi.crystal.turnover_c, pi.room.celsius(0)) - 0.487 / 2
    walk = SlopeWalk(true_c - 2.0, 0.0066, 50.0, 70.0)
    held(pi, 22.0, set_point_c=true_c - 2.0, walk=walk)
    assert len(walk.slopes) == 3
    assert walk.slopes[0].ppm_per_k < 0 < walk.slopes[0].moved_k
    assert abs(walk.base_c - true_c) < 0.6


def test_the_outer_loop_takes_no_step_for_a_slope_that_is_noise():
    rng = np.random.default_rng(5)
    walk = SlopeWalk(60.0, 0.0066, 50.0, 70.0)
    for second in range(0, 40 * 3600, 2):
        aim = walk.step(float(second), 60.0, None, at_target=True)
        walk.step(second + 1.0, aim, 0.0033 * (aim - 60) ** 2 + rng.normal(0, 0.02), at_target=True)
    assert len(walk.slopes) >= 4
    assert {slope.moved_k for slope in walk.slopes} == {0.0}


def test_the_outer_loop_keeps_within_its_bounds():
    walk = SlopeWalk(60.0, 0.0066, 59.5, 60.5)
    for second in range(0, 60 * 3600, 2):
        aim = walk.step(float(second), 60.0, None, at_target=True)
        walk.step(second + 1.0, aim, -0.05 * aim, at_target=True)
    assert walk.base_c == 60.5
