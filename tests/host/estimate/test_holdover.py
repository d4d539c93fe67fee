"""A steadier pulse (or the RTC) carries on when GPS is gone; while GPS pulses it moves nothing."""

import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.interface import State
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.flywheel import Flywheel
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

TICK_HZ = 84e6
LEARNED_S = 1800
OUTAGE_S = 420
SCENARIO = dataclasses.replace(load_scenario("ref-ocxo"), fault=())
TCXO = dataclasses.replace(SCENARIO, tcxo=load_scenario("gps-outage").tcxo)
RATES = {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0, "ref_pps": 1.0}


def as_it_is(second, edges):
    return edges


def without(*roles):
    return lambda second, edges: {r: ticks for r, ticks in edges.items() if r not in roles}


def late(ns_at):
    """The ref's pulse ``ns_at(second)`` late."""
    return lambda s, edges: {**edges, "ref_pps": edges["ref_pps"] + round(ns_at(s) * 1e-9 * TICK_HZ)}


def swapped(second, edges):
    return {**edges, "ref_pps": edges["rtc_pps"], "rtc_pps": edges["ref_pps"]}


def wired_to_gps(second, edges):
    return {**edges, "ref_pps": edges["gps_pps"]}


class Run:
    """World and filter, as far as they have come; ``go`` adds seconds, ``errors`` are the Pi's, ppb."""

    def __init__(self, scenario, wiring=as_it_is):
        self.world, self.kalman, self.wiring, self.at = World(scenario, 1), Kalman(), wiring, 0
        self.kalman.restart(Board("b", 1, TICK_HZ, RATES))
        self.estimates, self.errors = [], []

    def go(self, seconds, change=as_it_is):
        for _ in range(seconds):
            second = self.world.step()
            edges = change(self.at, self.wiring(self.at, second.edges))
            self.estimates.append(
                self.kalman.update(Second(second.tick_end, edges, {}, second.temperature_c))
            )
            known = self.estimates[-1].freq_error_ppm
            self.errors.append(np.nan if known is None else (known - second.truth_pi_ppm) * 1e3)
            self.at += 1
        return self

    def branch(self):
        return copy.deepcopy(self)

    def means(self, seconds):
        return np.convolve(self.errors[-seconds:], np.ones(64) / 64, "valid")


@pytest.fixture(scope="module")
def learned():
    """Both kinds of counter, after half an hour with GPS and a good ref."""
    return SimpleNamespace(crystal=Run(SCENARIO).go(LEARNED_S), tcxo=Run(TCXO).go(LEARNED_S))


def outage(run, change=as_it_is):
    gone = without("gps_pps")
    return run.go(OUTAGE_S, lambda s, edges: gone(s, change(s, edges)))


def test_an_ordinary_crystal_is_carried_by_an_ocxo_s_pulse(learned):
    run = outage(learned.crystal.branch())
    assert run.estimates[-1].state == State.HOLDOVER
    assert run.estimates[-1].reason == "GPS lost, ref_pps carries on"
    assert np.abs(run.means(OUTAGE_S)).max() < 2.0
    assert run.estimates[-1].sigma_ppm < 0.003
    run.go(200)
    assert {each.state for each in run.estimates[-190:]} == {State.TRACK}
    assert np.abs(run.means(200)).max() < 3.0


def test_without_it_the_same_crystal_is_not_good_enough(learned):
    run = outage(learned.crystal.branch(), without("ref_pps", "rtc_pps"))
    assert np.abs(run.means(OUTAGE_S)[-200:]).max() > 4.5


def test_while_gps_pulses_it_moves_nothing_however_bad_it_is():
    """Not one bit of an estimate is another one."""
    rng = np.random.default_rng(1)
    wanders = late(lambda second: 1e6 * rng.standard_normal())
    kinds = [Run(TCXO, wiring).go(400).estimates for wiring in (as_it_is, without("ref_pps"), wanders)]
    assert kinds[0] == kinds[1] == kinds[2]


STEP_AT = LEARNED_S + 150


@pytest.mark.parametrize("counter", ["crystal", "tcxo"])
@pytest.mark.parametrize(
    "change",
    [
        late(lambda s: 20.0 * (s >= STEP_AT)),
        late(lambda s: 300.0 * (s >= STEP_AT)),
        late(lambda s: 1e4 * (s >= STEP_AT)),
        late(lambda s: 0.5 * max(0, s - STEP_AT)),
        late(lambda s: 50.0 * max(0, s - STEP_AT)),
        lambda s, edges: edges if s < STEP_AT else without("ref_pps")(s, edges),
    ],
    ids=["20 ns", "300 ns", "10 us", "0.5 ppb", "50 ppb", "dies"],
)
def test_a_ref_that_fails_in_the_outage_hurts_no_more_than_sigma_says(learned, counter, change):
    run = outage(getattr(learned, counter).branch(), change)
    sigma_ppb = np.array([each.sigma_ppm for each in run.estimates[-OUTAGE_S:]]) * 1e3
    told = np.array([each.usable for each in run.estimates[-OUTAGE_S:]])
    assert np.abs(np.array(run.errors[-OUTAGE_S:]) / sigma_ppb)[told].max() < 5.0
    run.go(150)
    assert run.estimates[-1].state == State.TRACK
    assert np.abs(run.means(70)).max() < 3.0


@pytest.mark.parametrize("before_s", [12, 30, 60])
def test_a_rate_that_jumps_before_the_outage_is_not_carried(learned, before_s):
    run = learned.tcxo.branch()
    jump = late(lambda s: 5.0 * max(0, s - LEARNED_S))
    outage(run.go(before_s, jump), jump)
    assert not [each.reason for each in run.estimates if "ref_pps" in each.reason]
    assert np.abs(run.means(OUTAGE_S)).max() < 4.0


def test_gps_s_own_pulse_is_no_flywheel():
    """It would carry a slide of the receiver as willingly as the truth."""
    run = Run(TCXO, wired_to_gps).go(LEARNED_S)
    outage(run, lambda s, edges: {**edges, "ref_pps": edges["gps_pps"] + (s - LEARNED_S) // 4})
    assert {each.reason for each in run.estimates[-OUTAGE_S + 10 :]} == {"GPS lost"}
    assert np.abs(run.means(OUTAGE_S)).max() < 5.0


def test_which_of_the_two_inputs_has_the_better_clock_is_learned():
    run = outage(Run(SCENARIO, swapped).go(LEARNED_S))
    assert np.abs(run.means(OUTAGE_S)).max() < 2.0


# One clock alone.


def watched(seconds, walk_ppb, white_ns=2.0, gps_ns=15.0, seed=1):
    rng, clock, rate, late_ns = np.random.default_rng(seed), Flywheel(), -300.0, 4e8
    for second in range(seconds):
        rate += walk_ppb * rng.standard_normal()
        late_ns += rate
        seen = late_ns + np.hypot(white_ns, gps_ns) * rng.standard_normal()
        clock.observe(float(second), seen % 1e9)
    return clock, rate


@pytest.mark.parametrize("walk_ppb", [0.005, 0.05, 0.5])
def test_its_wander_is_learned_and_its_rate_known_as_well_as_it_claims(walk_ppb):
    ratios = []
    for seed in range(8):
        clock, rate = watched(4000, walk_ppb, seed=seed)
        late_ppb = clock.late_at(4000.0) - clock.late_at(3999.0)
        ratios.append((late_ppb - rate) / clock.variance(3999.0) ** 0.5)
        in_an_hour_ppb = clock.variance(3999.0 + 3600.0) ** 0.5
        assert 0.5 * 60.0 * walk_ppb < in_an_hour_ppb < 3.0 * 60.0 * walk_ppb
    assert np.sqrt(np.mean(np.square(ratios))) < 1.5


def test_it_is_not_known_before_half_an_hour_nor_soon_after_a_step():
    assert not watched(1300, 0.01)[0].is_known(225.0)
    clock, _ = watched(2000, 0.01)
    assert clock.is_known(225.0)
    clock.stepped(2000.0, 100.0)
    assert not clock.is_known(225.0)
