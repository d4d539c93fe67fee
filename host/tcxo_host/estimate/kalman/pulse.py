"""Following a clock that gives one pulse at a time (GPS, RTC): start, gate, restart. Pure."""

from __future__ import annotations

import math
from collections import deque

from ...edges.second import Ticks
from .clock_model import PI_V, RATES
from .clocks import Clocks
from .comb import Comb

__all__ = ["PulseTracker"]

GATE = 5.0
"""Innovations beyond this many standard deviations are no measurement."""
PERSISTENT = 5
"""So many rejected pulses in a row, all agreeing, are a change and not outliers."""
HOPELESS = 12
"""So many rejected pulses in a row that do not agree: the clock is doubted."""
SETTLED = 300
"""After so many pulses the counter's rate is known, and a pulse that tells another one is doubted first: no
oscillator jumps, but a receiver without a fix runs freely."""
PATIENCE_S = 3600.0
"""So long; then the counter must have changed after all, and the clock is started anew."""
WITNESS_S = 60.0
"""So long the Pi's clock is a witness: when it moved along, the counter did. Later it has moved by itself."""
CAUTIOUS = 16
CAUTIOUS_NS = 100.0
"""The first pulses of a clock of unknown rate are taken to be at least this noisy: what the very first ones
tell wrongly would have the right ones refused."""
MOST_PULSES = 256
"""A second's pulses are looked at one by one: of more, the latest are used."""
LEAN_MEMORY = 0.8
"""Weight of the older innovations in their running sum..."""
LEAN_GATE = 4.0
"""...whose size, in its own standard deviations, tells that the counter drifts as no TCXO does..."""
LEAN_DOUBT = 2.0
"""...and then the rates are doubted by so many times the drift that explains it."""


class PulseTracker:
    """The clock whose reading offset stands at index ``u`` of the joint state.

    ``watches_counter``: its pulses are right in the long run, so that when they lean to one side for some
    seconds the counter has drifted, as an ordinary crystal in place of the TCXO does.
    """

    def __init__(
        self, comb: Comb, u: int, variance: float, first_rate_ppb: float, *, watches_counter: bool = False
    ) -> None:
        self.comb = comb
        self.variance = variance
        """Of one pulse, ns^2."""
        self.started = False
        self.accepted = 0
        """Pulses taken since the clock was last started."""
        self.rejected = 0
        self.restarts = 0
        self.rate_restarts = 0
        """Those of them that forgot the rate, too."""
        self.last_good: int | None = None
        self.innovation: tuple[float, float] | None = None
        """Residual and its predicted variance without the pulse's own, of the latest accepted pulse."""
        self.doubted = False
        """The latest pulses tell another rate than the one that is known."""
        self._is_unknown = True
        self._pi_rates: deque[float] = deque(maxlen=PERSISTENT)
        """The Pi's rate at the latest good pulses."""
        self._u = u
        self._first_rate_ppb = first_rate_ppb
        self._refused: list[tuple[int, float]] = []
        self._watches_counter = watches_counter
        self._lean = 0.0

    def take(self, clocks: Clocks, ticks: Ticks) -> None:
        """Use the pulses of a second. The filter must stand at the end of it or nearly."""
        self.innovation = None
        for tick in ticks[-MOST_PULSES:].tolist():
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
        self.doubted = False
        self._lean = 0.0
        self._is_unknown = rate_variance > 1e6
        self._pi_rates.append(float(clocks.filter.mean[PI_V]))
        clocks.filter.forget(self._u, self._noise() + rate_variance * ahead_s * ahead_s, offset)

    def _one(self, clocks: Clocks, tick: int) -> None:
        ago_s = -clocks.seconds_after(tick)
        offset, predicted = clocks.filter.offset_at(self._u, ago_s)
        residual = self.comb.residual_ns(tick, offset)
        noise = self._noise()
        if residual * residual > GATE * GATE * (predicted + noise):
            self._refuse(clocks, tick, residual, predicted + noise)
            return
        if self._watches_counter and self.accepted >= CAUTIOUS:
            self._watch_counter(clocks, residual, math.sqrt(predicted + noise))
        clocks.filter.update_offset(self._u, ago_s, residual, noise)
        clocks.move_anchor(self.comb, self._u, tick)
        self._pi_rates.append(float(clocks.filter.mean[PI_V]))
        self.innovation = (residual, predicted)
        self.accepted += 1
        self.last_good = tick
        self.doubted = False
        self._refused.clear()

    def _watch_counter(self, clocks: Clocks, residual: float, sigma: float) -> None:
        """Doubt all rates in common when the pulses lean to one side: what they are seen against drifts."""
        self._lean = LEAN_MEMORY * self._lean + residual / sigma
        if self._lean**2 * (1.0 - LEAN_MEMORY**2) > LEAN_GATE**2:
            drift_ppb = self._lean * sigma * (1.0 - LEAN_MEMORY) ** 2
            clocks.filter.widen_together(RATES, (LEAN_DOUBT * drift_ppb) ** 2)
            self._lean = 0.0

    def _noise(self) -> float:
        """Variance of a pulse, ns^2."""
        if self._is_unknown and self.accepted < CAUTIOUS:
            return max(self.variance, CAUTIOUS_NS * CAUTIOUS_NS)
        return self.variance

    def _refuse(self, clocks: Clocks, tick: int, residual: float, variance: float) -> None:
        self.rejected += 1
        self._refused.append((tick, residual))
        if len(self._refused) < PERSISTENT:
            return
        recent = [value for _, value in self._refused[-PERSISTENT:]]
        agree = max(recent) - min(recent) < 2.0 * GATE * math.sqrt(variance)
        slope, variance = self._slope(clocks)
        if agree and slope * slope <= GATE * GATE * variance:
            # The pulses agree with each other: the phase stepped, the rate is as good as before.
            mean = sum(recent) / len(recent)
            clocks.filter.forget(self._u, self._noise(), float(clocks.filter.mean[self._u]) + mean)
            clocks.move_anchor(self.comb, self._u, tick)
            self.restarts += 1
            self.last_good = tick
            self.doubted = False
            self._refused.clear()
        elif len(self._refused) >= HOPELESS:
            age_s = self.age_s(clocks, tick)
            self.doubted = self.accepted >= SETTLED and age_s < PATIENCE_S
            if age_s < WITNESS_S and self._pi_moved_too(clocks, slope):
                self.doubted = False
            if self.doubted:
                del self._refused[:-PERSISTENT]
                return
            rate = self._u + 1
            clocks.filter.forget(rate, self._first_rate_ppb**2, 0.0)
            self.restarts += 1
            self.rate_restarts += 1
            self._start(clocks, tick)

    def _slope(self, clocks: Clocks) -> tuple[float, float]:
        """By how much (ppb) the latest refused pulses tell another rate than is known, and its variance."""
        ticks, residuals = zip(*self._refused[-PERSISTENT:], strict=True)
        times = [(tick - ticks[0]) / clocks.tick_hz for tick in ticks]
        middle = sum(times) / PERSISTENT
        spread = sum((t - middle) ** 2 for t in times)
        slope = sum((t - middle) * r for t, r in zip(times, residuals, strict=True)) / spread
        known = float(clocks.filter.cov[self._u + 1, self._u + 1])
        return float(slope), self._noise() / spread + known

    def _pi_moved_too(self, clocks: Clocks, slope: float) -> bool:
        """Whether the Pi's rate changed like this clock's: then it is the counter that did."""
        moved = float(clocks.filter.mean[PI_V]) - self._pi_rates[0]
        return abs(moved - slope) < 0.5 * abs(slope)
