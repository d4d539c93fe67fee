"""How the rate of one clock against the counter changes, and how it ordinarily does. Pure.

A change is the difference of the mean rates over two neighbouring spans, a turn that of two neighbouring changes.
How much of a change is the clock's own wander is learned for each span in quiet times.
"""

from __future__ import annotations

import math

from .learn.noise import Average
from .turning import TURN_SPANS_S

__all__ = ["LEARN_EVERY_S", "SPANS_S", "RateHistory"]

SPANS_S = (8, 16, 32, 64, 128, 256, 512)
_SHARE = 4
_QUARTERS = tuple((span, span // _SHARE) for span in SPANS_S)
_DEPTH = 2 * SPANS_S[-1] + SPANS_S[-1] // _SHARE + 1
LEARN_EVERY_S = 8
LONGEST_GAP_S = 10
_PAIRS = 16.0
"""So many spans, and at least this long, before a clock's wander over a span is known; it is remembered for..."""
_OUTLIER = 12.0
PEAK = 3.0
"""What a clock did once in a while, as under load, it may do again: its standard deviation is a third of that."""
_QUIET_S = 160.0
_MEMORY_S = 2400.0
"""...so long, or twice as many spans."""
_LONG_QUIET_S = 1200.0
"""So long before GPS is doubted for nothing but what the counter never did."""


class RateHistory:
    """The phase of one clock against the counter, once a second, and how its rate wanders.

    What is asked for again before the next second is computed once.
    """

    def __init__(self) -> None:
        # The phases added up, so that a mean of many costs no more than one; and each one's variance.
        self._sums = [0.0]
        self._variances = [0.0]
        self._phase = 0.0
        lessons = [max(_MEMORY_S, 2.0 * _PAIRS * span) / LEARN_EVERY_S for span in SPANS_S]
        self._wander = [Average(each) for each in lessons]
        self._keeps = [1.0 - 1.0 / each for each in lessons]
        self._peaks = [0.0] * len(SPANS_S)
        self._changes: list[float] | None = None
        self._ordinary: list[float] | None = None
        self._sizes: list[float] | None = None
        self._explained = [0.0] * len(SPANS_S)

    def add(self, seconds: int, gained_ns: float, variance: float = 0.0) -> None:
        """The clock gained so much (ns) on the counter in so many seconds; too many of them are a gap.

        ``variance``: of the latest pulse, ns^2.
        """
        if seconds > LONGEST_GAP_S:
            self.begin_anew()
            return
        sums = self._sums
        for _ in range(seconds):
            self._phase += gained_ns / seconds
            sums.append(sums[-1] + self._phase)
            self._variances.append(variance)
        if len(sums) > 8 * _DEPTH:
            del sums[:-_DEPTH], self._variances[:-_DEPTH]
        self._changes = self._sizes = None

    def begin_anew(self) -> None:
        """What was before does not go on."""
        self._sums, self._variances, self._phase = [0.0], [0.0], 0.0
        self._changes = self._sizes = None

    def changes_ppb(self) -> list[float]:
        """For each of ``SPANS_S`` for which the past is long enough: mean rate over the latest span less that over
        the span before.

        The phases at their ends are means over a quarter of a span, ending there.
        """
        if self._changes is None:
            sums, end = self._sums, len(self._sums) - 1
            self._changes = []
            for span, count in _QUARTERS:
                first = end - 2 * span
                if first < count:
                    break
                middle = first + span
                third = sums[end] - sums[end - count] + sums[first] - sums[first - count]
                third -= 2.0 * (sums[middle] - sums[middle - count])
                self._changes.append(third / (count * span))
        return self._changes

    def change_ppb(self, index: int) -> float | None:
        """``changes_ppb`` over ``SPANS_S[index]``; None before the past is long enough."""
        changes = self.changes_ppb()
        return changes[index] if index < len(changes) else None

    def turns_ppb(self) -> list[float]:
        """For each of ``TURN_SPANS_S``, as ``changes_ppb``: the change of the rate less the one a span before."""
        sums, end, turns = self._sums, len(self._sums) - 1, []
        for span in TURN_SPANS_S:
            count = span // _SHARE
            first = end - 3 * span
            if first < count:
                break
            ends = (end, end - span, end - 2 * span, first)
            last, third, second, one = (sums[each] - sums[each - count] for each in ends)
            turns.append((last - one + 3.0 * (second - third)) / (count * span))
        return turns

    def turn_noises(self) -> list[float]:
        """Variances that the pulses' own noise gives ``turns_ppb``."""
        return [20.0 * self._variances[-1] * _SHARE / span**3 for span in TURN_SPANS_S]

    def noise(self, index: int) -> float:
        """Variance that the pulses' own noise gives ``change_ppb``."""
        span, seen = SPANS_S[index], self._variances
        if len(seen) <= 2 * span:
            return math.inf
        return (seen[-1] + 4.0 * seen[-1 - span] + seen[-1 - 2 * span]) * _SHARE / span**3

    def sizes(self) -> list[float]:
        """``changes_ppb`` without their signs, in their own standard deviations."""
        if self._sizes is None:
            ordinary = self._variance_by_span()
            self._sizes = [
                abs(change) / math.sqrt(max(self.noise(index), ordinary[index]) + self._explained[index])
                for index, change in enumerate(self.changes_ppb())
            ]
        return self._sizes

    def explain(self, variances: list[float]) -> None:
        """What else may now add to ``changes_ppb``, by span, ppb^2."""
        self._explained, self._sizes = variances, None

    def learn(self) -> None:
        """Take the present changes for the clock's ordinary wander."""
        for index, change in enumerate(self.changes_ppb()):
            square = change * change
            self._wander[index].add(square, _OUTLIER)
            self._peaks[index] = max(self._keeps[index] * self._peaks[index], square)
        self._ordinary = self._sizes = None

    def variance(self, index: int) -> float:
        """Of ``change_ppb`` in quiet times; infinite while that is not known."""
        return self._variance_by_span()[index]

    def _variance_by_span(self) -> list[float]:
        if self._ordinary is None:
            self._ordinary = []
            per_s = math.inf  # of a walk, which is what a longer span is taken to show before it is known
            for average, peak, span in zip(self._wander, self._peaks, SPANS_S, strict=True):
                if average.weight * LEARN_EVERY_S >= max(_QUIET_S, _PAIRS * span):
                    per_s = max(average.value, peak / PEAK**2) / span
                self._ordinary.append(per_s * span)
        return self._ordinary

    @property
    def is_well_known(self) -> bool:
        """Whether its wander was looked at for long."""
        return self._wander[0].weight * LEARN_EVERY_S >= _LONG_QUIET_S

    def excuse(self, sigmas: float) -> None:
        """What the clock did of late is something that it does: a change by so many standard deviations."""
        for index, change in enumerate(self.changes_ppb()):
            self._peaks[index] = max(self._peaks[index], (PEAK / sigmas * change) ** 2)
        self._ordinary = self._sizes = None
