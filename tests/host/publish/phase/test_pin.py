"""Polling a pin: brackets that hold the edge, short bursts, and plain words for a pin that is no PWM."""

import mmap
import struct

import pytest
from tcxo_host.errors import UnavailableError
from tcxo_host.publish.phase.pin import MOST_POLLING_NS, EdgeFinder, GpioLevel

PERIOD_NS = 20_000_000
FIRST_NS = 7_300_000


class Pin:
    """A pin with its clock: a reading of either takes 150 ns, a sleep ends ``sleep_late_ns`` late."""

    def __init__(self, sleep_late_ns=60_000, levels=None):
        self.now_ns = 1_000_000_000
        self.sleep_late_ns = sleep_late_ns
        self.levels = levels
        self.moved_ns = 0
        self.reads = 0

    def clock(self):
        self.now_ns += 150
        return self.now_ns

    def sleep(self, until_ns):
        self.now_ns = max(self.now_ns, until_ns) + self.sleep_late_ns

    def level(self):
        self.now_ns += 150
        self.reads += 1
        if self.levels is not None:
            return self.levels
        return int((self.now_ns - self.moved_ns - FIRST_NS) % PERIOD_NS < PERIOD_NS // 2)

    def finder(self):
        return EdgeFinder(self, PERIOD_NS, self.clock, self.sleep)


def next_edge(now_ns):
    return now_ns + (FIRST_NS - now_ns) % PERIOD_NS


def test_a_burst_brackets_the_edge_with_two_polls():
    pin = Pin()
    finder = pin.finder()
    for _ in range(100):
        edge = next_edge(finder.soonest_ns())
        bracket = finder.burst(edge - 200, edge + 200).bracket
        assert bracket.lo_ns < edge <= bracket.hi_ns
        assert (bracket.hi_ns - bracket.lo_ns, bracket.poll_ns) == (600, 300)
    assert pin.reads < 100 * 50


def test_the_gaps_between_polls_fall_on_every_phase_of_the_edge():
    pin = Pin()
    finder, seen = pin.finder(), set()
    for _ in range(200):
        edge = next_edge(finder.soonest_ns())
        bracket = finder.burst(edge - 200, edge + 200).bracket
        seen.add((edge - bracket.lo_ns) // 60)
    assert len(seen) >= 4


def test_waking_too_late_is_said_and_asks_to_be_woken_earlier():
    pin = Pin(sleep_late_ns=250_000)
    finder = pin.finder()
    outcomes = []
    for _ in range(6):
        edge = next_edge(finder.soonest_ns())
        outcomes.append(finder.burst(edge - 200, edge + 200))
    assert (outcomes[0].problem, outcomes[0].denied) == ("woken after the edge", False)
    assert outcomes[-1].bracket is not None


def test_an_edge_that_does_not_come_ends_the_burst_soon():
    pin = Pin(levels=0)
    start = pin.now_ns
    assert pin.finder().burst(start + 10_000_000, start + 10_000_300).problem == "the edge did not come"
    assert pin.reads < 100
    burst = pin.finder().burst(start + 40_000_000, start + 60_000_000)  # a place as wide as a period
    assert (burst.problem, burst.denied) == ("the edge did not come while it was waited for", False)
    assert pin.reads * 300 < 2 * MOST_POLLING_NS


def test_a_pin_that_is_high_too_early_is_no_edge():
    pin = Pin(levels=1)
    burst = pin.finder().burst(pin.now_ns + 10_000_000, pin.now_ns + 10_000_300)
    assert (burst.bracket, burst.denied) == (None, True)
    assert burst.problem == "the pin is high before the edge should come"


def test_a_scan_finds_the_edge_to_a_millisecond():
    pin = Pin()
    bracket = pin.finder().scan().bracket
    edge = next_edge(bracket.lo_ns)
    assert bracket.lo_ns < edge < bracket.hi_ns < bracket.lo_ns + 1_200_000
    assert pin.reads <= 40


@pytest.mark.parametrize(("levels", "word"), [(0, "low"), (1, "high")])
def test_a_pin_that_never_changes_is_told(levels, word):
    burst = Pin(levels=levels).finder().scan()
    assert burst.problem == f"the pin is always {word}: is the PWM on, and on this GPIO?"


def test_the_level_register_of_a_mapped_file_is_read(tmp_path):
    path = tmp_path / "gpiomem"
    path.write_bytes(bytes(0x34) + struct.pack("<I", 1 << 12) + bytes(mmap.PAGESIZE))
    on, off = GpioLevel(12, str(path)), GpioLevel(13, str(path))
    assert (on.level(), off.level()) == (1, 0)
    with path.open("r+b") as file:
        file.seek(0x34)
        file.write(struct.pack("<I", 1 << 13))
    assert (on.level(), off.level()) == (0, 1)
    on.close()
    off.close()


def test_no_register_is_one_sentence(tmp_path):
    with pytest.raises(UnavailableError, match="is not there: phase needs a Raspberry Pi 2 to 4"):
        GpioLevel(12, str(tmp_path / "none"))
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(UnavailableError, match="cannot be mapped"):
        GpioLevel(12, str(tmp_path / "empty"))
