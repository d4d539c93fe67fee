"""Once a second: poll around an edge, keep the tracker fed, and say where the edges are. Thin: no policy."""

from __future__ import annotations

from .pin import Burst, EdgeFinder
from .tracker import EdgePhase, EdgeTracker

__all__ = ["EdgeMeter"]

TRIES = 3
"""Edges that one second may try, when it woke too late for one."""
FINE_NS = 250_000
"""One burst polls through so much time; where the edge may lie in more, it is searched in pieces of this width."""


class EdgeMeter:
    """Finds the edges and follows them. ``problem``: why they are not followed, or empty."""

    def __init__(self, finder: EdgeFinder, tracker: EdgeTracker) -> None:
        self.tracker = tracker
        self.problem = "the edges were not looked for yet"
        self._finder = finder

    def second(self) -> None:
        """Take this second's bracket. Blocks for one to three periods of the PWM, nearly all of it asleep."""
        known = self.tracker.at(self._finder.soonest_ns()) is not None
        burst = self._follow() if known else self._acquire()
        self.problem = burst.problem
        if burst.bracket is not None:
            self.tracker.take(burst.bracket)
        elif burst.denied:
            self.tracker.deny()

    def _follow(self) -> Burst:
        burst = Burst(None)
        for _ in range(TRIES):
            soonest = self._finder.soonest_ns()
            phase = self.tracker.at(soonest)
            if phase is None:
                break
            width_ns = max(phase.half_width_ns, 0.0)
            first = self._next(phase, soonest + round(width_ns)) - width_ns
            burst = self._finder.burst(int(first), int(first + 2.0 * width_ns) + 1)
            if burst.bracket is not None or burst.denied:
                break
        return burst

    def _acquire(self) -> Burst:
        """Scan, then poll through the time that the scan left open, one piece in each period."""
        found = self._finder.scan()
        if found.bracket is None:
            return found
        period = self.tracker.period_ns
        low, high = found.bracket.lo_ns, found.bracket.hi_ns
        for piece in range(low, high, FINE_NS):
            periods = -(-(self._finder.soonest_ns() + FINE_NS - piece) // period)
            shift = int(periods * period)
            burst = self._finder.burst(piece + shift, min(piece + FINE_NS, high) + shift)
            if burst.bracket is not None:
                return burst
        return Burst(None, "the edge was seen once and not again: is it the PWM?")

    def _next(self, phase: EdgePhase, raw_ns: int) -> float:
        """The raw time of the first edge after a moment."""
        _, after_ns = phase.edge_before(raw_ns)
        return raw_ns - after_ns + float(phase.period_ns)
