"""The tracker's promise: edges lie within what it claims, wide brackets cost nothing, moved edges are noticed."""

from fractions import Fraction

import numpy as np
import pytest
from tcxo_host.publish.phase.raw_clock import RawClock
from tcxo_host.publish.phase.tracker import Bracket, EdgeTracker

PERIOD = RawClock(19_200_000).period_ns(50)
FIRST_NS = 10**15
BEFORE_NS, AFTER_NS = 150, 150


class Edges:
    """Edges every ``period`` from ``FIRST_NS`` on, bracketed by polls of BEFORE_NS + AFTER_NS."""

    def __init__(self, period=PERIOD, seed=1, before_ns=BEFORE_NS, after_ns=AFTER_NS):
        self.period, self.before_ns, self.after_ns = period, before_ns, after_ns
        self.rng = np.random.default_rng(seed)
        self.moved_ns = 0.0

    def at(self, second):
        return (
            FIRST_NS + float(50 * second * self.period % 1) + int(50 * second * self.period) + self.moved_ns
        )

    def bracket(self, second, late_ns=0.0):
        """The edge of a second; one of the two polls is ``late_ns`` longer."""
        poll = self.before_ns + self.after_ns
        low = self.at(second) - self.rng.uniform(0.0, poll + late_ns)  # the last sample that was low
        high = low + poll + late_ns
        return Bracket(int(low - self.before_ns), int(high + self.after_ns) + 1, poll)


def followed(edges, seconds, tracker=None, start=0, late=lambda second: 0.0):
    tracker = tracker or EdgeTracker(PERIOD)
    for second in range(start, start + seconds):
        tracker.take(edges.bracket(second, late(second)))
    return tracker


def error_ns(tracker, edges, second):
    """Where the tracker has an edge that lies at a second, minus where it is."""
    raw_ns = int(edges.at(second)) + 3_000_000
    phase = tracker.at(raw_ns)
    _, after_ns = phase.edge_before(raw_ns)
    return raw_ns - after_ns - edges.at(second), phase


def test_the_edge_lies_within_the_half_width_and_that_comes_down_to_half_a_poll():
    edges = Edges()
    tracker = EdgeTracker(PERIOD)
    for second in range(3000):
        tracker.take(edges.bracket(second))
        error, phase = error_ns(tracker, edges, second)
        assert abs(error) <= phase.half_width_ns + 1
    assert 150 <= phase.half_width_ns < 165
    assert abs(error) < 10
    assert (phase.age_s, phase.brackets, tracker.jumps) == (pytest.approx(0.003, abs=1e-3), 3000, 0)


def test_reads_that_take_unequal_times_before_and_after_move_it_by_half_the_difference_and_no_more():
    edges = Edges(before_ns=100, after_ns=300)
    tracker = followed(edges, 1500)
    error, phase = error_ns(tracker, edges, 1499)
    assert error == pytest.approx(100, abs=10)
    assert abs(error) < phase.half_width_ns


def test_late_polls_cost_nothing():
    clean, tracker = Edges(), EdgeTracker(PERIOD)
    followed(clean, 600, tracker)
    before = tracker.at(int(clean.at(600)))
    followed(clean, 200, tracker, 600, late=lambda second: 100_000.0)
    error, after = error_ns(tracker, clean, 800)
    assert after.half_width_ns < before.half_width_ns + 0.02 * 200 + 2
    assert abs(error) < 10
    assert not after.in_doubt


def test_the_kernels_rounding_is_seen_where_it_was_not_computed():
    """Without it the edges walk away by 23 ns a minute; the tracker follows, and never claims too much."""
    edges, tracker = Edges(), EdgeTracker(Fraction(20_000_000))
    for second in range(2000):
        tracker.take(edges.bracket(second))
        error, phase = error_ns(tracker, edges, second)
        assert abs(error) <= phase.half_width_ns + 1
    assert phase.rate_ppb == pytest.approx(-0.381, abs=0.05)
    assert tracker.jumps == 0


@pytest.mark.parametrize(
    "moved_ns", [90.0, 150.0, 250.0, 290.0, 350.0, 1000.0, -90.0, -250.0, 5e6, 1e7, 19e6]
)
def test_edges_that_moved_are_doubted_at_once_or_hardly_matter_and_then_followed(moved_ns):
    edges, old = Edges(), Edges()
    tracker = followed(edges, 900)
    edges.moved_ns = moved_ns
    for second in range(900, 1100):
        tracker.take(edges.bracket(second))
        if tracker.at(int(edges.at(second)) + 10**6) is None:
            continue  # forgotten this second
        error, phase = error_ns(tracker, edges, second)
        if not phase.in_doubt and not tracker.jumps and abs(error) > phase.half_width_ns + 1:
            # not noticed yet: what is told has stayed with where the edges were
            assert abs(error_ns(tracker, old, second)[0]) < 60
    assert abs(error) <= phase.half_width_ns + 1
    assert tracker.strays > 0
    assert tracker.jumps == phase.generation <= 1
    assert tracker.jumps == 1 or abs(moved_ns) < 100


def test_one_wrong_bracket_is_doubted_and_forgotten():
    edges = Edges()
    tracker = followed(edges, 100)
    wrong = edges.bracket(100)
    tracker.take(Bracket(wrong.lo_ns + 40_000, wrong.hi_ns + 40_000, wrong.poll_ns))
    assert tracker.at(int(edges.at(100)) + 10**6).in_doubt
    followed(edges, 20, tracker, 101)
    error, phase = error_ns(tracker, edges, 120)
    assert (phase.in_doubt, tracker.jumps, tracker.strays) == (False, 0, 1)
    assert abs(error) < phase.half_width_ns


def test_a_pwm_at_49_999_hz_is_never_followed():
    """20 us a second: nothing but jumps, so that it is never known for long enough to be used."""
    edges = Edges(PERIOD * (1 + Fraction(20, 10**6)))
    tracker = EdgeTracker(PERIOD)
    for second in range(60):
        tracker.take(edges.bracket(second))
        phase = tracker.at(int(edges.at(second)) + 10**6)
        assert phase is None or phase.in_doubt or phase.brackets < 5
    assert tracker.jumps > 10


def test_a_bracket_as_wide_as_half_a_period_and_one_from_the_past_change_nothing():
    edges = Edges()
    tracker = followed(edges, 50)
    now = int(edges.at(50)) + 10**6
    before = tracker.at(now)
    tracker.take(edges.bracket(10))
    tracker.take(Bracket(now, now + 12_000_000, 300))
    assert tracker.at(now) == before


def test_nothing_is_known_before_the_first_bracket_and_after_a_restart():
    tracker = EdgeTracker(PERIOD)
    assert tracker.at(5) is None
    followed(Edges(), 10, tracker)
    tracker.restart()
    assert tracker.at(FIRST_NS * 2) is None
