"""Who moved, the counter or GPS? What the Pi's clock and the RTC say to it. Pure.

A receiver without a fix slides off slowly; against the counter its pulses then look as if the counter slid the
other way. But had the counter moved, the Pi's clock and the RTC would have moved against it by as much as GPS
did: by how much the rate of each changed, over spans from short to long, is compared with what it ordinarily does
by itself. Where the Pi is too lively for that, the moments tell at which both turn. And what the temperature is
known to do to the counter needs no witness.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from .rate_history import SPANS_S, RateHistory
from .turning import Coincidence

__all__ = ["LOOK_EVERY_S", "Change", "Witnesses"]

LOOK_EVERY_S = 4
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
GOES_ON_S = 60.0
"""A counter that was seen to turn is taken to go on with what it does for so long, as behind a thermal lag."""
HEAT_SHARE, HEAT_LAG_S = 0.2, 20.0
"""How wrong a change that the temperature explains may be: by a share, and by so much of a lag."""
_FOLLOWED_S = 32.0
"""Of a change over a shorter span the filter follows only a part."""


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
        self._turned = {"pi": Coincidence(), "rtc": Coincidence()}
        self._heated: deque[float] = deque(maxlen=1 + 3 * SPANS_S[-1] // (2 * LOOK_EVERY_S))
        self._was_unusual = False

    def look(self, heated_ppb: float = 0.0) -> Change | None:
        """``unconfirmed``, once each ``LOOK_EVERY_S``. What the witnesses laid to the counter is explained for good.

        ``heated_ppb``: what the temperature did to the rates so far, which is taken out of them already.
        """
        self._explain_heat(heated_ppb)
        self._told_s += LOOK_EVERY_S
        self._look_for_turns()
        if self._turned_evidence()[0] >= SURE:
            self._told_s = -GOES_ON_S
        sizes = enumerate(self.gps.sizes())
        if any(size >= UNUSUAL and self._likelier(index) >= SURE for index, size in sizes):
            self._told_s = min(self._told_s, 0.0)
        change = self.unconfirmed()
        self._was_unusual = change is not None
        return change

    def counter_moved(self) -> bool | None:
        """Whether a change of GPS's rate was the counter's (true) or GPS's own.

        None when nothing changed, or nobody can tell.
        """
        likeliest, least = self._turned_evidence()
        if likeliest >= SURE:
            return True
        if least <= -SURE and self._told_s > 0.0:
            return False
        index, size = self._largest()
        if size < SUSPICIOUS:
            return None
        likelier = self._likelier(index)
        return likelier > 0.0 if abs(likelier) >= SURE else None

    def verdict(self) -> bool | None:
        """``counter_moved`` for a change that GPS is doubted for already: whatever it ordinarily does, and over the
        span that tells most."""
        changes = self.gps.changes_ppb()
        spans = [each for each, ppb in enumerate(changes) if ppb**2 > SUSPICIOUS**2 * self.gps.noise(each)]
        likelier = max(map(self._likelier, spans), key=abs, default=0.0)
        return likelier > 0.0 if abs(likelier) >= SURE else self.counter_moved()

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
        self._turned["pi"].learn(self.pi.turns_ppb())
        self._turned["rtc"].learn(self.rtc.turns_ppb())

    def acted(self) -> None:
        """GPS was doubted, or is believed again: evidence of what it did before counts no more."""
        for each in self._turned.values():
            each.clear()

    def _explain_heat(self, heated_ppb: float) -> None:
        """Crystal and sensor do not get warm at the same moment, nor is the slope known for sure."""
        heated = self._heated
        heated.append(heated_ppb)
        if heated[0] == heated_ppb:
            return
        last, variances = len(heated) - 1, []
        for span in SPANS_S:
            half = span // (2 * LOOK_EVERY_S)
            change = heated[max(0, last - half)] - heated[max(0, last - 3 * half)]
            variances.append((change * min(1.0, HEAT_SHARE + HEAT_LAG_S / span)) ** 2)
        self.gps.explain(variances)

    def _look_for_turns(self) -> None:
        notable = max(self.gps.sizes(), default=0.0) >= UNUSUAL
        gps = self.gps.turns_ppb() if notable else []
        for name, clock in (("pi", self.pi), ("rtc", self.rtc)):
            if notable:
                self._turned[name].look(gps, clock.turns_ppb(), self.gps.turn_noises(), LOOK_EVERY_S)
            else:
                self._turned[name].wait(LOOK_EVERY_S)

    def _turned_evidence(self) -> tuple[float, float]:
        pi, rtc = self._turned["pi"].evidence(), self._turned["rtc"].evidence()
        return pi[0] + rtc[0], pi[1] + rtc[1]

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
