"""Who moved, the counter or GPS? What the Pi's clock and the RTC say to it. Pure.

A receiver without a fix slides off slowly; against the counter its pulses then look as if the counter slid the
other way. But had the counter moved, the Pi's clock and the RTC would have moved against it by as much as GPS
did. The change of each clock's rate is the difference of its means over two neighbouring spans; how much
of that is its own wander is learned for each span in quiet times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .learn.noise import Average

__all__ = ["Change", "RateHistory", "Witnesses"]

SPANS_S = (8, 16, 32, 64, 128, 256, 512)
_SHARE = 4
_QUARTERS = tuple((span, span // _SHARE) for span in SPANS_S)
_DEPTH = 2 * SPANS_S[-1] + SPANS_S[-1] // _SHARE + 1
LOOK_EVERY_S = 4
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
SURE = 6.0
"""Natural logarithm of how much likelier what the witnesses did must be one way than the other."""
LEANING = 2.0
"""So likely, it is waited for what they will say."""
SUSPICIOUS = 5.0
"""A change of GPS's rate by so many of its own standard deviations asks for witnesses."""
WORTH_PPB = 2.0
"""A smaller change is not worth a doubt."""
BLATANT = 8.0
"""A change by so many is no chance at the first look."""
UNUSUAL = 3.5
"""A change by so many may be the beginning of one: sigma says so."""
_FOLLOWED_S = 32.0
"""Of a change over a shorter span the filter follows only a part."""


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
                abs(change) / math.sqrt(max(self.noise(index), ordinary[index]))
                for index, change in enumerate(self.changes_ppb())
            ]
        return self._sizes

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


@dataclass(frozen=True, slots=True)
class Change:
    """GPS's rate changed by ``ppb`` from one span of ``span_s`` to the next; what is published may be off by
    ``doubt_ppb`` for it. ``is_clear``: it is no chance."""

    span_s: int
    ppb: float
    doubt_ppb: float
    is_clear: bool


class Witnesses:
    """GPS and the clocks that can speak for or against it."""

    def __init__(self) -> None:
        self.gps, self.pi, self.rtc = RateHistory(), RateHistory(), RateHistory()
        self._told_s = math.inf
        self._was_unusual = False

    def look(self) -> Change | None:
        """``unconfirmed``, once each ``LOOK_EVERY_S``. What the witnesses laid to the counter is explained for good."""
        self._told_s += LOOK_EVERY_S
        sizes = enumerate(self.gps.sizes())
        if any(size >= UNUSUAL and self._likelier(index) >= SURE for index, size in sizes):
            self._told_s = 0.0
        change = self.unconfirmed()
        self._was_unusual = change is not None
        return change

    def counter_moved(self) -> bool | None:
        """Whether a change of GPS's rate was the counter's (true) or GPS's own.

        None when nothing changed, or nobody can tell.
        """
        index, size = self._largest()
        if size < SUSPICIOUS:
            return None
        likelier = self._likelier(index)
        return likelier > 0.0 if abs(likelier) >= SURE else None

    def unconfirmed(self) -> Change | None:
        """The change of GPS's rate that neither its own noise, nor what the counter was seen to do in a long
        quiet, nor a witness explains. None when there is none."""
        if not self.gps.is_well_known:
            return None
        index, size = self._largest(self._told_s)
        seen = self.gps.change_ppb(index)
        if seen is None or size < UNUSUAL:
            return None
        likelier, power = self._likelier(index), self._power(index)
        if likelier >= SURE:
            return None
        share = min(1.0, SPANS_S[index] / _FOLLOWED_S)
        soon = likelier >= LEANING or power >= SURE or not self._was_unusual
        clear = size >= (BLATANT if soon else SUSPICIOUS) and likelier < LEANING and abs(seen) > WORTH_PPB
        return Change(SPANS_S[index], seen, abs(seen) * share, clear)

    def gps_is_quiet(self) -> bool:
        """Whether GPS's rate changes no more than it ordinarily does."""
        return self._largest()[1] < SUSPICIOUS

    def learn(self) -> None:
        """A quiet moment."""
        for clock in (self.gps, self.pi, self.rtc):
            clock.learn()

    def _likelier(self, index: int) -> float:
        """By how much likelier (logarithm) what the witnesses did over a span is when the counter moved than when
        GPS did; 0 when they cannot tell."""
        seen, (mean, theirs) = self.gps.change_ppb(index), self._witnessed(index)
        if seen is None or theirs == math.inf:
            return 0.0
        both = theirs + self.gps.noise(index)
        return 0.5 * (mean**2 / theirs - (mean - seen) ** 2 / both - math.log(both / theirs))

    def _power(self, index: int) -> float:
        """How large ``_likelier`` will be on average when the counter moved."""
        seen, (_, theirs) = self.gps.change_ppb(index), self._witnessed(index)
        return 0.0 if seen is None else 0.5 * seen**2 / (theirs + self.gps.noise(index))

    def _witnessed(self, index: int) -> tuple[float, float]:
        """The change of the counter's rate over a span by the witnesses' mean (ppb, as GPS's), and its variance."""
        weight, total = 0.0, 0.0
        for clock in (self.pi, self.rtc):
            change, variance = clock.change_ppb(index), clock.variance(index)
            if change is not None and 0.0 < variance < math.inf:
                weight += 1.0 / variance
                total += change / variance
        return (total / weight, 1.0 / weight) if weight else (0.0, math.inf)

    def _largest(self, within_s: float = math.inf) -> tuple[int, float]:
        """The span over which GPS's rate changed most, and by how many of its own standard deviations.

        ``within_s``: so far back it looks.
        """
        within = self.gps.sizes()
        if within_s < math.inf:
            within = [size for size, span in zip(within, SPANS_S, strict=False) if 2 * span < within_s]
        size = max(within, default=0.0)
        return (within.index(size) if within else 0), size
