"""When a phase sample may go to chrony: each refusal has its name, and nothing is sent on a doubt."""

import dataclasses

import pytest
from host.publish.phase.test_ambiguity import World
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.phase.sample import SETTLE_S, Limits, PhasePolicy, Refusal

GOOD = Estimate(State.TRACK, "")


class Second:
    """A policy that has been sending for a while."""

    def __init__(self, limits=None):
        self.world, self.policy, self.now = World(), PhasePolicy(limits), 0
        self.run(SETTLE_S + 2)

    def run(self, seconds=1, estimate=GOOD, phase=None, edges=None, pair=True, **options):
        for _ in range(seconds):
            self.now += 1
            a_phase, some_edges, a_pair, witnesses = self.world.at(self.now, system_bound_ns=1e6)
            a_phase = dataclasses.replace(a_phase, **(phase or {}))
            some_edges = None if edges is False else dataclasses.replace(some_edges, **(edges or {}))
            estimate = dataclasses.replace(estimate, phase=a_phase if phase is not False else None)
            verdict = self.policy.decide(estimate, some_edges, a_pair if pair else None, witnesses, **options)
        return verdict


def test_a_sample_has_the_offset_its_half_width_and_its_sigma():
    second = Second(Limits(offset_ns=55.0))
    second.world.system_ns = 1500.0
    sample = second.run().sample
    assert sample.offset_ns == pytest.approx(-1500.0 + 55.0)
    assert sample.half_width_ns == 250.0
    assert 11.1 < sample.sigma_ns < 11.3  # 5 of the filter, 10 of the receiver
    assert sample.real_ns % 1_000_000_000 == 100_001_500


@pytest.mark.parametrize(
    ("change", "refusal", "words"),
    [
        ({"estimate": Estimate(State.HOLD, "PWM lost")}, Refusal.NOT_TRACKING, "hold: PWM lost"),
        ({"estimate": Estimate(State.ACQUIRE, "settling")}, Refusal.NOT_TRACKING, "acquire: settling"),
        (
            {"doubt": "another program changed the PWM"},
            Refusal.PWM_CHANGED,
            "another program changed the PWM",
        ),
        (
            {"edges": False, "edge_problem": "the pin is always high"},
            Refusal.NO_EDGES,
            "the pin is always high",
        ),
        ({"edges": {"age_s": 30.0}, "edge_problem": "why"}, Refusal.NO_EDGES, "no edge for 30 s: why"),
        ({"edges": {"in_doubt": True}}, Refusal.JUMPED, "an edge was not where the ones before had it"),
        (
            {"edges": {"generation": 5}},
            Refusal.AMBIGUITY,
            "which edge is which is not known: being confirmed",
        ),
        (
            {"edges": {"half_width_ns": 980.0}},
            Refusal.HALF_WIDTH,
            "the edges are known to within 1030 ns only",
        ),
        ({"edges": {"brackets": 3}}, Refusal.HALF_WIDTH, "the edges are known to within 250 ns only"),
        ({"phase": {"moved_ns": -70.0}}, Refusal.JUMPED, "the PWM's edges moved by -70 ns within a second"),
        (
            {"phase": {"pi_age_s": 1.0}},
            Refusal.JUMPED,
            "the board's latest PWM edges are missing or refused",
        ),
        ({"phase": {"sigma_ns": 1500.0}}, Refusal.SIGMA, "settling: sigma of the phase is 1500 ns"),
        ({"phase": {"sigma_ns": float("nan")}}, Refusal.SIGMA, "settling: sigma of the phase is nan ns"),
        ({"pair": False}, Refusal.CLOCK_PAIR, "the system clock is being stepped"),
    ],
)
def test_every_doubt_has_its_name(change, refusal, words):
    second = Second()
    assert second.run().refusal is None
    verdict = second.run(**change)
    assert (verdict.sample, verdict.refusal) == (None, refusal)
    assert verdict.reason == words


def test_holdover_is_sent_below_the_limit_of_sigma_and_no_further():
    second = Second()
    holdover = Estimate(State.HOLDOVER, "GPS lost")
    assert second.run(estimate=holdover, phase={"sigma_ns": 900.0}).sample is not None
    verdict = second.run(estimate=holdover, phase={"sigma_ns": 1100.0})
    assert (verdict.refusal, verdict.reason) == (Refusal.SIGMA, "holdover: sigma of the phase is 1100 ns")


def test_a_system_clock_that_cannot_be_right_is_a_disagreement():
    second = Second()
    second.world.system_ns = 20e6
    assert second.run().refusal is Refusal.DISAGREES
    second.world.system_ns = 0.0
    assert second.run().refusal is None


@pytest.mark.parametrize(
    "change",
    [{"doubt": "changed"}, {"phase": {"moved_ns": 200.0}}, {"edges": {"in_doubt": True}}, {"edges": False}],
)
def test_after_a_jump_it_settles_before_it_sends_again(change):
    second = Second()
    second.run(**change)
    refusals = [second.run().refusal for _ in range(SETTLE_S + 2)]
    assert refusals == [Refusal.JUMPED] * (SETTLE_S - 1) + [None] * 3


def test_a_gps_that_was_started_anew_settles_too():
    second = Second()
    second.world.lineage = (1, 0, 1)
    assert second.run().refusal is Refusal.JUMPED
    assert second.run(SETTLE_S).refusal is None


def test_a_phase_that_is_old_is_not_sent():
    second = Second()
    second.now -= 3
    world = second.world
    phase = world.at(second.now)[0]
    _, edges, pair, witnesses = world.at(second.now + 4, system_bound_ns=1e6)
    verdict = second.policy.decide(dataclasses.replace(GOOD, phase=phase), edges, pair, witnesses)
    assert (verdict.refusal, verdict.reason) == (Refusal.NOT_TRACKING, "the phase is 4.1 s old")
