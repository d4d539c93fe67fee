"""Who moved, the counter or GPS? What the Pi's clock and the RTC say to it. Pure.

A receiver without a fix slides off slowly; against the counter its pulses then look as if the counter slid the
other way. But had the counter moved, the Pi's clock and the RTC would have moved against it by as much as GPS
did. The change of each clock's rate is the difference of its means over two neighbouring spans; how much
of that is its own wander is learned for each span in quiet times.
"""

from __future__ import annotations

import math
from collections import deque

from .learn.noise import Average

__all__ = ["RateHistory", "Witnesses"]

SPANS_S = (8, 16, 32, 64, 128)
LEARN_EVERY_S = 8
LONGEST_GAP_S = 10
_MEMORY = 300.0
_OUTLIER = 12.0
_QUIET = 20.0
"""So many lessons before a clock's wander is known."""
CLEAR = 4.0
"""GPS must have moved by so many of the witnesses' own standard deviations, else they cannot tell."""
SUSPICIOUS = 5.0
"""A change of GPS's rate by so many of its own standard deviations asks for witnesses."""


class RateHistory:
    """The phase of one clock against the counter, once a second, and how its rate wanders."""

    def __init__(self) -> None:
        self._phases: deque[float] = deque([0.0], maxlen=2 * SPANS_S[-1] + 1)
        self._wander = [Average(_MEMORY) for _ in SPANS_S]

    def add(self, seconds: int, gained_ns: float) -> None:
        """The clock gained so much (ns) on the counter in so many seconds; too many of them are a gap."""
        if seconds == 1:
            self._phases.append(self._phases[-1] + gained_ns)
            return
        if seconds > LONGEST_GAP_S:
            self._phases.clear()
            self._phases.append(0.0)
            return
        for _ in range(seconds):
            self._phases.append(self._phases[-1] + gained_ns / seconds)

    def change_ppb(self, index: int) -> float | None:
        """Mean rate over the latest span ``SPANS_S[index]`` less that over the span before."""
        span = SPANS_S[index]
        phases = self._phases
        if len(phases) <= 2 * span:
            return None
        return (phases[-1] - 2.0 * phases[-1 - span] + phases[-1 - 2 * span]) / span

    def learn(self) -> None:
        """Take the present changes for the clock's ordinary wander."""
        for index, average in enumerate(self._wander):
            change = self.change_ppb(index)
            if change is not None:
                average.add(change * change, _OUTLIER)

    def variance(self, index: int) -> float:
        """Of ``change_ppb`` in quiet times; infinite while that is not known."""
        average = self._wander[index]
        return average.value if average.weight >= _QUIET else math.inf


class Witnesses:
    """GPS and the clocks that can speak for or against it."""

    def __init__(self) -> None:
        self.gps, self.pi, self.rtc = RateHistory(), RateHistory(), RateHistory()

    def counter_moved(self, pulse_variance: float) -> bool | None:
        """Whether a change of GPS's rate was the counter's (true) or GPS's own.

        None when nothing changed, or nobody can tell. ``pulse_variance``: of one GPS pulse now, ns^2.
        """
        sizes = [self._size(each, pulse_variance) for each in range(len(SPANS_S))]
        index = max(range(len(SPANS_S)), key=sizes.__getitem__)
        seen = self.gps.change_ppb(index)
        if seen is None or sizes[index] < SUSPICIOUS:
            return None
        weight, total = 0.0, 0.0
        for clock in (self.pi, self.rtc):
            change, variance = clock.change_ppb(index), clock.variance(index)
            if change is not None and variance < math.inf:
                weight += 1.0 / variance
                total += change / variance
        if weight * seen * seen < CLEAR**2:
            return None
        return total / weight / seen > 0.5

    def gps_is_quiet(self, pulse_variance: float) -> bool:
        """Whether GPS's rate changes no more than it ordinarily does."""
        return all(self._size(each, pulse_variance) < SUSPICIOUS for each in range(len(SPANS_S)))

    def learn(self) -> None:
        """A quiet moment."""
        for clock in (self.gps, self.pi, self.rtc):
            clock.learn()

    def _size(self, index: int, pulse_variance: float) -> float:
        """The latest change of GPS's rate in its own standard deviations."""
        change = self.gps.change_ppb(index)
        if change is None:
            return 0.0
        noise = 6.0 * pulse_variance / SPANS_S[index] ** 2
        return abs(change) / math.sqrt(max(noise, self.gps.variance(index)))
