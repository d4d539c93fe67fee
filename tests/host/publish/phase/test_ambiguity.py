"""Which edge is which: found by witnesses, held without them, doubted when they contradict it."""

from fractions import Fraction

import pytest
from tcxo_host.estimate.gps_phase import GpsPhase
from tcxo_host.publish.clock_pair import ClockPair
from tcxo_host.publish.phase.ambiguity import (
    CONFIRM_S,
    CONTRADICTED_S,
    Numbering,
    Witnesses,
    offset_of,
    wrapped,
)
from tcxo_host.publish.phase.tracker import EdgePhase

PERIOD_NS = 20_000_000
TICK_HZ = 84e6
RAW_NS = 5_000_000_000_000
BOARD_EDGES, HOST_EDGES = 1000, 70
"""Numbers of the edge at RAW_NS, where a GPS second begins too."""
SHIFT = HOST_EDGES - BOARD_EDGES


class World:
    """Everything right and at rest: ``system_ns`` is by how much the system clock is ahead of GPS."""

    def __init__(self, system_ns=0.0, late_ns=4e6):
        self.system_ns, self.late_ns = system_ns, late_ns
        self.lineage, self.generation = (1, 0, 0), 0

    def at(self, second, **known):
        """Phase, edges, pair and witnesses when ``second`` seconds and 0.1 have gone."""
        raw_ns = RAW_NS + second * 1_000_000_000 + 100_000_000
        edge = BOARD_EDGES + 50 * second
        tick = round(edge * 0.02 * TICK_HZ)
        phase = GpsPhase(
            tick, TICK_HZ, 2e7, edge, 0.0, 0.0, 0.0, 0.0, 5.0, 0.1, 1.0, 0.0, 0.0, self.lineage
        )  # fmt: skip
        origin_ns = RAW_NS - HOST_EDGES * PERIOD_NS
        edges = EdgePhase(origin_ns, Fraction(PERIOD_NS), 0.0, 200.0, 0.1, 0.0, self.generation, False, 99)
        real_ns = 1_700_000_000_000_000_000 + raw_ns - RAW_NS + round(self.system_ns)
        arrival_ns = raw_ns - 100_000_000 + round(self.late_ns)
        witnesses = Witnesses(arrival_tick=tick, arrival_ns=arrival_ns, **known)
        return phase, edges, ClockPair(raw_ns, real_ns, 50.0), witnesses


def settled(world, seconds=CONFIRM_S, **known):
    numbering = Numbering()
    for second in range(seconds):
        numbering.second(*world.at(second, **known))
    return numbering


@pytest.mark.parametrize("system_ns", [0.0, 3e6, -3e6])
def test_a_system_clock_that_is_known_to_be_good_finds_the_shift_and_the_offset_has_its_sign(system_ns):
    world = World(system_ns)
    numbering = settled(world, system_bound_ns=1e6)
    assert (numbering.shift, numbering.problem) == (SHIFT, "")
    offset = offset_of(*world.at(9)[:2], SHIFT, *world.at(9)[2:])
    assert offset.ns == pytest.approx(-system_ns, abs=0.01)
    assert offset.elapsed_ns == pytest.approx(1e8)
    assert offset.late_ns == pytest.approx(4e6)


def test_it_takes_some_seconds_of_agreement():
    assert settled(World(), CONFIRM_S - 1, system_bound_ns=1e6).problem == "being confirmed"


@pytest.mark.parametrize("bound_ns", [None, 18e6, 4e8])
def test_without_a_good_clock_nothing_is_found(bound_ns):
    numbering = settled(World(), 50, system_bound_ns=bound_ns)
    assert numbering.shift is None
    assert numbering.problem == "the system clock is not known to within 10 ms yet"


def test_the_kernels_pps_finds_it_even_on_a_clock_that_nobody_knows():
    world = World(system_ns=0.123e9)
    pulse_ns = 0.123e9 + 12e3  # stamped 12 us late
    assert settled(world, pps_after_ns=pulse_ns).shift == SHIFT


def test_a_board_whose_records_come_quickly_finds_it_alone():
    world = World(system_ns=0.3e9, late_ns=6e6)
    assert settled(world, arrival_most_ns=15e6).shift == SHIFT
    late = World(system_ns=0.3e9, late_ns=17e6)
    assert settled(late, arrival_most_ns=15e6).shift is None


def test_found_it_needs_no_witness_and_a_stepped_clock_changes_nothing():
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    world.system_ns = 0.4e9
    assert [numbering.second(*world.at(second)) for second in range(10, 50)] == [""] * 40
    assert numbering.shift == SHIFT


def test_a_clock_that_claims_to_be_right_and_is_not_is_a_contradiction_that_ends_with_it():
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    world.system_ns = 7e6
    said = numbering.second(*world.at(10, system_bound_ns=1e6))
    assert said == "it is -7.000 ms from a system clock that is right to 1.000 ms"
    world.system_ns = 0.0
    assert numbering.second(*world.at(11, system_bound_ns=1e6)) == ""
    assert numbering.shift == SHIFT


def test_a_contradiction_that_lasts_is_believed():
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    world.system_ns = 8e6
    for second in range(10, 10 + CONTRADICTED_S):
        assert numbering.second(*world.at(second, system_bound_ns=1e6))
    assert numbering.shift is None


def test_the_kernels_pps_contradicts_by_twenty_milliseconds_and_by_one():
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    for late_ns, right in ((30e3, True), (1e6, False), (20e6, False), (-100e3, False)):
        said = numbering.second(*world.at(10, pps_after_ns=late_ns % 1e9))
        assert (said == "") == right
        assert right or said == f"the kernel's PPS is {late_ns / 1e3:+.1f} us late"


def test_a_record_that_comes_before_it_was_made_ends_the_numbering_at_once():
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    world.late_ns = -16e6
    assert "16.0 ms before it was made" in numbering.second(*world.at(10))
    assert numbering.shift is None


@pytest.mark.parametrize("what", ["board", "pwm", "host"])
def test_new_numbers_are_found_anew(what):
    world = World()
    numbering = settled(world, system_bound_ns=1e6)
    if what == "host":
        world.generation += 1
    else:
        world.lineage = (2, 0, 0) if what == "board" else (1, 1, 0)
    numbering.second(*world.at(10))
    assert numbering.shift is None
    for second in range(11, 11 + CONFIRM_S):
        numbering.second(*world.at(second, system_bound_ns=1e6))
    assert numbering.shift == SHIFT


def test_witnesses_that_contradict_each_other_find_nothing():
    numbering = settled(World(), 20, system_bound_ns=1e6, pps_after_ns=40e6)
    assert numbering.shift is None
    assert "contradict each other" in numbering.problem


def test_wrapping():
    assert [wrapped(x) for x in (0.0, 0.6e9, -0.6e9, 3.2e9)] == pytest.approx([0.0, -0.4e9, 0.4e9, 0.2e9])
