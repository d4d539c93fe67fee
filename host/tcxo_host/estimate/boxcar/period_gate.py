"""Which edges of a periodic signal can be believed: each is compared with the grid of the edges before it. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["PeriodGate"]

# Two captures differ by up to two ticks from counting alone, whatever the signal does.
_QUANTISATION_TICKS = 2.0


class PeriodGate:
    """Drops edges that do not lie a whole number of periods after the last good one.

    ``limit`` is relative: an edge passes when the interval since the last good edge is within
    ``limit * interval`` of a whole number of periods. Rejections that outnumber ``patience`` without a
    good edge between them mean that the signal itself has moved: the gate starts anew from there.
    """

    def __init__(self, period_ticks: float, limit: float, patience: int) -> None:
        self.period_ticks = period_ticks
        self.rejected = 0
        self.restarts = 0
        self._limit = limit
        self._patience = patience
        self._refused = 0
        self._last: int | None = None
        self._cycle = 0

    def forget(self) -> None:
        """Start anew at the next edge, whatever its phase."""
        self._last = None
        self._refused = 0

    def last_good(
        self, ticks: npt.NDArray[np.int64], expected_error: float | None = None, limit: float | None = None
    ) -> tuple[int, int] | None:
        """``(tick, cycle)`` of the last good edge among ``ticks``, or None when none is good.

        ``cycle`` counts whole periods since the gate was made; it stays comparable until ``restarts``
        changes. ``expected_error`` (relative) and a narrower ``limit`` sharpen the gate once the signal
        is known.
        """
        period = self.period_ticks * (1.0 + (expected_error or 0.0))
        bound = self._limit if limit is None or expected_error is None else limit
        if ticks.size and self._last is not None and not self._refused:
            steps = np.diff(ticks, prepend=self._last)
            cycles = np.rint(steps / period)
            if (
                np.abs(steps - cycles * period) <= bound * steps + _QUANTISATION_TICKS
            ).all() and cycles.all():
                self._last = int(ticks[-1])
                self._cycle += int(cycles.sum())
                return self._last, self._cycle
        found = [self._take(int(tick), period, bound) for tick in ticks]
        return (self._last, self._cycle) if any(found) and self._last is not None else None

    def _take(self, tick: int, period: float, bound: float) -> bool:
        if self._last is None:
            self._last, self._refused = tick, 0
            self.restarts += 1
            return True
        step = tick - self._last
        cycles = round(step / period)
        if cycles > 0 and abs(step - cycles * period) <= bound * step + _QUANTISATION_TICKS:
            self._last, self._refused = tick, 0
            self._cycle += cycles
            return True
        self._refused += 1
        self.rejected += 1
        if self._refused > self._patience:
            self.forget()
            return self._take(tick, period, bound)
        return False
