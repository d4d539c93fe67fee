"""How noisy pulses are, from nothing but the last few of them, refused ones included. Pure.

The learned variance of a pulse looks back over minutes and sees accepted pulses only. When an antenna fails the
noise grows a hundredfold within a second, nearly all pulses are refused, and the chance rest that passes is
taken for exact. Second differences of the pulses' times know nothing of the filter, of the clock's rate or of a
steady slide, and tell the noise of white jitter at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection

__all__ = ["Scatter"]

LENGTH = 16
FEWEST = 3
"""Second differences before they tell anything."""
MEASURE_EVERY = 8
_UNUSUAL = 4.0 * 6.0
_TO_SIGMA = 1.4826 / math.sqrt(6.0)
"""From the median size of a second difference of white noise to its standard deviation."""


class Scatter:
    """Of the latest pulses: their white noise, and how many were refused."""

    def __init__(self, period_ticks: float, tick_ns: float) -> None:
        self._period_ticks = period_ticks
        self._tick_ns = tick_ns
        self._before: tuple[int, int] | None = None
        self._variance = 0.0
        self._count = 0
        self._bends: deque[float] = deque(maxlen=LENGTH)
        self._refused: deque[bool] = deque(maxlen=LENGTH)

    def add(self, tick: int) -> None:
        """Take the next pulse, whatever it is worth."""
        if self._before is None:
            self._before = (tick, 0)
            return
        last, interval_before = self._before
        interval = tick - last
        regular = abs(interval - self._period_ticks) < 0.1 * self._period_ticks
        if regular and interval_before:
            self._measure((interval - interval_before) * self._tick_ns)
        self._before = (tick, interval if regular else 0)

    def judged(self, refused: bool) -> None:
        """What became of the pulse."""
        self._refused.append(refused)

    def believed_again(self) -> None:
        """What was refused before does not count any more."""
        self._refused.clear()

    def variance(self) -> float:
        """Of one pulse, ns^2; 0 while too little was seen."""
        return self._variance

    def _measure(self, bend: float) -> None:
        """Anew when the latest bend is no small one, and now and then."""
        self._bends.append(bend)
        self._count += 1
        unusual = bend * bend > _UNUSUAL * self._variance
        if len(self._bends) >= FEWEST and (unusual or self._count % MEASURE_EVERY == 0):
            middle = _median(self._bends)
            self._variance = (_TO_SIGMA * _median([abs(each - middle) for each in self._bends])) ** 2

    def mostly_refused(self) -> bool:
        """Whether more than half of the latest pulses were."""
        return 2 * self._refused.count(True) > LENGTH


def _median(values: Collection[float]) -> float:
    """The upper one of two middles: half the cost of the exact one, once a pulse."""
    return sorted(values)[len(values) // 2]
