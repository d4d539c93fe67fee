"""Following a clock that gives one pulse at a time (GPS, RTC): start, gate, restart. Pure."""

from __future__ import annotations

import math

from .clocks import Clocks
from .comb import Comb
from .interface import Ticks

__all__ = ["PulseTracker"]

GATE = 5.0
"""Innovations beyond this many standard deviations are no measurement."""
PERSISTENT = 5
"""So many rejected pulses in a row, all agreeing, are a change and not outliers."""
HOPELESS = 12
"""So many rejected pulses in a row that do not agree: the clock is started anew altogether."""


class PulseTracker:
    """The clock whose reading offset stands at index ``u`` of the joint state."""

    def __init__(self, comb: Comb, u: int, variance: float, first_rate_ppb: float) -> None:
        self.comb = comb
        self.variance = variance
        """Of one pulse, ns^2."""
        self.started = False
        self.accepted = 0
        """Pulses taken since the clock was last started."""
        self.rejected = 0
        self.restarts = 0
        self.last_good: int | None = None
        self.innovation: tuple[float, float] | None = None
        """Residual and its predicted variance without the pulse's own, of the latest accepted pulse."""
        self._u = u
        self._first_rate_ppb = first_rate_ppb
        self._refused: list[tuple[int, float]] = []

    def take(self, clocks: Clocks, ticks: Ticks) -> None:
        """Use the pulses of a second. The filter must stand at the end of it or nearly."""
        self.innovation = None
        for tick in ticks.tolist():
            if not self.started:
                self._start(clocks, tick)
            else:
                self._one(clocks, tick)

    def age_s(self, clocks: Clocks, tick: int) -> float:
        """Seconds from the latest good pulse to ``tick``."""
        return math.inf if self.last_good is None else (tick - self.last_good) / clocks.tick_hz

    def _start(self, clocks: Clocks, tick: int) -> None:
        """Anchor the comb at this pulse; the rate is whatever is known of it, or nothing."""
        self.started = True
        self.accepted = 1
        self.comb.anchor = tick
        self.last_good = tick
        self._refused.clear()
        ahead_s = clocks.seconds_after(tick)
        rate = float(clocks.filter.mean[self._u + 1])
        rate_variance = float(clocks.filter.cov[self._u + 1, self._u + 1])
        offset = -rate * ahead_s
        clocks.filter.forget(self._u, self.variance + rate_variance * ahead_s * ahead_s, offset)

    def _one(self, clocks: Clocks, tick: int) -> None:
        ago_s = -clocks.seconds_after(tick)
        offset, predicted = clocks.filter.offset_at(self._u, ago_s)
        residual = self.comb.residual_ns(tick, offset)
        if residual * residual > GATE * GATE * (predicted + self.variance):
            self._refuse(clocks, tick, residual, predicted)
            return
        clocks.filter.update_offset(self._u, ago_s, residual, self.variance)
        clocks.move_anchor(self.comb, self._u, tick)
        self.innovation = (residual, predicted)
        self.accepted += 1
        self.last_good = tick
        self._refused.clear()

    def _refuse(self, clocks: Clocks, tick: int, residual: float, predicted: float) -> None:
        self.rejected += 1
        self._refused.append((tick, residual))
        recent = [value for _, value in self._refused[-PERSISTENT:]]
        if len(recent) < PERSISTENT:
            return
        if max(recent) - min(recent) < 2.0 * GATE * math.sqrt(predicted + self.variance):
            # The pulses agree with each other: the phase stepped, the rate is as good as before.
            mean = sum(recent) / len(recent)
            clocks.filter.forget(self._u, self.variance, float(clocks.filter.mean[self._u]) + mean)
            clocks.move_anchor(self.comb, self._u, tick)
            self.restarts += 1
            self.last_good = tick
            self._refused.clear()
        elif len(self._refused) >= HOPELESS:
            rate = self._u + 1
            clocks.filter.forget(rate, self._first_rate_ppb**2, 0.0)
            self.restarts += 1
            self._start(clocks, tick)
