"""Following a clock that gives one pulse at a time (GPS, RTC): start, gate, restart. Pure."""

from __future__ import annotations

import math
from collections import deque

from ....edges.second import Ticks
from ..filter.clock_model import PI_V, RATES
from ..filter.clocks import Clocks
from ..filter.comb import Comb
from ..witness import SPANS_S
from .scatter import Scatter
from .trial import SHORT_LENGTH, Trial

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
STEP_NS = 400.0
"""A step of the phase beyond this is one; a smaller one may be the beginning of a slide."""
WITNESS_S = 60.0
"""So long the Pi's clock is a witness: when it moved along, the counter did. Later it has moved by itself."""
CAUTIOUS = 16
CAUTIOUS_NS = 100.0
"""The first pulses of a clock of unknown rate are taken to be at least this noisy: what the very first ones
tell wrongly would have the right ones refused."""
MOST_PULSES = 256
"""A second's pulses are looked at one by one: of more, the latest are used."""
NOISIER = 4.0
"""The latest pulses are noisier than those before when their variance is so many times as large."""
LEAN_MEMORY = 0.8
"""Weight of the older innovations in their running sum..."""
LEAN_GATE = 4.0
"""...whose size, in its own standard deviations, tells that the counter drifts as no TCXO does..."""
MOVED_PPB = 20.0
"""When the Pi's rate moved by more than this together with pulses that lean or are refused, the counter did."""
LEAN_DOUBT = 2.0
"""...and then the rates are doubted by so many times the drift that explains it."""


class PulseTracker:
    """The clock whose reading offset stands at index ``u`` of the joint state.

    ``is_right``: its pulses are right in the long run, so that when they lean to one side for some
    seconds the counter has drifted, as an ordinary crystal in place of the TCXO does.
    """

    def __init__(
        self, comb: Comb, u: int, variance: float, first_rate_ppb: float, *, is_right: bool = False
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
        self.counter_moved = False
        """A pulse of the latest second was refused, or leans, because the counter moved as no TCXO does."""
        self.doubted = False
        """The latest pulses tell another rate than the one that is known."""
        self._is_unknown = True
        self._pi_rates: deque[float] = deque(maxlen=PERSISTENT)
        """The Pi's rate at the latest good pulses."""
        self._u = u
        self._first_rate_ppb = first_rate_ppb
        self._refused: list[tuple[int, float]] = []
        self._is_right = is_right
        self._lean = 0.0
        self._rate_lost: int | None = None
        self.passed = (0, 0.0)
        """Periods from the good pulse before to the latest second's, 0 without one, and by how much (ns) the clock
        gained on the counter in them."""
        self._trial: Trial | None = None
        """Running while the pulses are not believed."""
        self._known: deque[float] = deque(maxlen=2 * SPANS_S[-1])
        """The rate at the latest good pulses."""
        self.scatter = Scatter(comb.tick_hz / comb.rate_hz, 1e9 / comb.tick_hz)
        self._assumed = 0.0
        """The variance that the first pulses were taken with."""

    def next_second(self) -> None:
        """Forget what belongs to the second before."""
        self.innovation = None
        self.counter_moved = False
        self.passed = (0, 0.0)

    def take(self, clocks: Clocks, ticks: Ticks) -> None:
        """Use pulses of a second. The filter must stand at the end of it or nearly."""
        for tick in ticks[-MOST_PULSES:].tolist():
            self.scatter.add(tick)
            if not self.started:
                self._start(clocks, tick)
            elif self._trial is not None:
                self._try(clocks, tick, self._trial)
            else:
                rejected = self.rejected
                self._one(clocks, tick)
                self.scatter.judged(self.rejected > rejected)

    def age_s(self, clocks: Clocks, tick: int) -> float:
        """Seconds from the latest good pulse to ``tick``."""
        return math.inf if self.last_good is None else (tick - self.last_good) / clocks.tick_hz

    def rate_age_s(self, clocks: Clocks, tick: int) -> float:
        """Seconds from when the rate was last found anew to ``tick``; infinite when it never was."""
        return math.inf if self._rate_lost is None else (tick - self._rate_lost) / clocks.tick_hz

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
        self._assumed = self.noise()
        clocks.filter.forget(self._u, self._assumed + rate_variance * ahead_s * ahead_s, offset)

    def _one(self, clocks: Clocks, tick: int) -> None:
        ago_s = -clocks.seconds_after(tick)
        offset, predicted = clocks.filter.offset_at(self._u, ago_s)
        residual = self.comb.residual_ns(tick, offset)
        noise = self.noise()
        if self._is_unknown and self.accepted < CAUTIOUS and noise > NOISIER * self._assumed:
            # What the first pulses told is worth little, and is believed too much.
            clocks.filter.forget(self._u + 1, self._first_rate_ppb**2, 0.0)
            self._start(clocks, tick)
            return
        if residual * residual > GATE * GATE * (predicted + noise):
            self._refuse(clocks, tick, residual, predicted + noise)
            return
        clocks.filter.update_offset(self._u, ago_s, residual, noise)
        if self.accepted >= CAUTIOUS:
            # Only now: this pulse was seen before the filter's moment, and would push wider rates backwards.
            self._watch_counter(clocks, residual, math.sqrt(predicted + noise))
        clocks.move_anchor(self.comb, self._u, tick)
        self._pi_rates.append(float(clocks.filter.mean[PI_V]))
        self._known.append(float(clocks.filter.mean[self._u + 1]))
        self.innovation = (residual, predicted)
        self._pass(tick)
        self.accepted += 1
        self.doubted = False
        self._refused.clear()

    def _pass(self, tick: int, step_ns: float = 0.0) -> None:
        """A good pulse: how long is it since the one before? A step of the phase counts for nothing."""
        period = self.comb.tick_hz / self.comb.rate_hz
        if self.last_good is not None:
            interval = tick - self.last_good
            periods = round(interval / period)
            self.passed = periods, (periods * period - interval) / self.comb.tick_hz * 1e9 - step_ns
        self.last_good = tick

    def _watch_counter(self, clocks: Clocks, residual: float, sigma: float) -> None:
        """Notice pulses that lean to one side: what they are seen against drifts."""
        self._lean = LEAN_MEMORY * self._lean + residual / sigma
        if self._lean**2 * (1.0 - LEAN_MEMORY**2) <= LEAN_GATE**2:
            return
        self.counter_moved |= self._pi_leans_too(clocks, residual)
        if self._is_right and clocks.witnesses.counter_moved(self.noise()) is False:
            self.distrust(clocks)
        elif self._is_right:
            drift_ppb = self._lean * sigma * (1.0 - LEAN_MEMORY) ** 2
            clocks.filter.widen_together(RATES, (LEAN_DOUBT * drift_ppb) ** 2)
        self._lean = 0.0

    def distrust(self, clocks: Clocks) -> None:
        """The other clocks say that this one slides: its rate is again what it was before, and its pulses are
        on trial until they keep that rate."""
        if self._trial is not None or self.accepted < SETTLED:
            return
        rate = self._u + 1
        clocks.filter.mean[rate] = self._known[0]
        self._trial = Trial(clocks.tick_hz)
        self.doubted = True

    def _try(self, clocks: Clocks, tick: int, trial: Trial) -> None:
        """Take a pulse on trial: nothing is learned from it but whether it keeps the known rate."""
        self.rejected += 1
        ago_s = -clocks.seconds_after(tick)
        residual = self.comb.residual_ns(tick, clocks.filter.offset_at(self._u, ago_s)[0])
        rate_variance = float(clocks.filter.cov[self._u + 1, self._u + 1])
        if trial.passes(tick, residual, self.noise(), rate_variance):
            self._trial = None
            self.restarts += 1
            self.doubted = False
            self.scatter.believed_again()
            self._pass(tick)
            clocks.filter.forget(self._u, self.noise(), float(clocks.filter.mean[self._u]) + residual)
            clocks.move_anchor(self.comb, self._u, tick)
        elif self.age_s(clocks, tick) > PATIENCE_S:
            self._trial = None
            self._forget_rate(clocks, tick)

    def _forget_rate(self, clocks: Clocks, tick: int) -> None:
        clocks.filter.forget(self._u + 1, self._first_rate_ppb**2, 0.0)
        self.restarts += 1
        self.rate_restarts += 1
        self._rate_lost = tick
        self._start(clocks, tick)

    def _pi_leans_too(self, clocks: Clocks, residual: float) -> bool:
        """Whether the Pi's rate moved a good deal, and to the same side, during the latest good pulses."""
        moved = float(clocks.filter.mean[PI_V]) - self._pi_rates[0]
        sure = moved * moved > GATE * GATE * float(clocks.filter.cov[PI_V, PI_V])  # not just started anew
        return sure and abs(moved) > MOVED_PPB and moved * residual > 0

    def noise(self) -> float:
        """Variance of a pulse, ns^2."""
        noise = self.variance
        if self._is_unknown and self.accepted < CAUTIOUS:
            noise = max(noise, CAUTIOUS_NS * CAUTIOUS_NS)
        seen = self.scatter.variance()
        return seen if seen > NOISIER * noise else noise

    def _refuse(self, clocks: Clocks, tick: int, residual: float, variance: float) -> None:
        self.rejected += 1
        self._refused.append((tick, residual))
        if self.age_s(clocks, tick) < WITNESS_S:
            self.counter_moved |= self._pi_leans_too(clocks, residual)
        if len(self._refused) < PERSISTENT:
            return
        recent = [value for _, value in self._refused[-PERSISTENT:]]
        agree = max(recent) - min(recent) < 2.0 * GATE * math.sqrt(variance)
        slope, variance = self._slope(clocks)
        if agree and slope * slope <= GATE * GATE * variance:
            # The pulses agree with each other: the phase stepped, the rate is as good as before.
            mean = sum(recent) / len(recent)
            clocks.filter.forget(self._u, self.noise(), float(clocks.filter.mean[self._u]) + mean)
            clocks.move_anchor(self.comb, self._u, tick)
            self.restarts += 1
            self._pass(tick, mean if abs(mean) > STEP_NS else 0.0)
            self.doubted = False
            self._refused.clear()
        elif len(self._refused) >= HOPELESS:
            age_s = self.age_s(clocks, tick)
            self.doubted = self.accepted >= SETTLED and age_s < PATIENCE_S
            if age_s < WITNESS_S and self._pi_moved_too(clocks, slope):
                self.doubted = False
            if self.doubted:
                self._refused.clear()
                self._trial = Trial(clocks.tick_hz, SHORT_LENGTH)
                return
            self._forget_rate(clocks, tick)

    def _slope(self, clocks: Clocks) -> tuple[float, float]:
        """By how much (ppb) the latest refused pulses tell another rate than is known, and its variance."""
        ticks, residuals = zip(*self._refused[-PERSISTENT:], strict=True)
        times = [(tick - ticks[0]) / clocks.tick_hz for tick in ticks]
        middle = sum(times) / PERSISTENT
        spread = sum((t - middle) ** 2 for t in times)
        slope = sum((t - middle) * r for t, r in zip(times, residuals, strict=True)) / spread
        known = float(clocks.filter.cov[self._u + 1, self._u + 1])
        return float(slope), self.noise() / spread + known

    def _pi_moved_too(self, clocks: Clocks, slope: float) -> bool:
        """Whether the Pi's rate changed like this clock's: then it is the counter that did."""
        moved = float(clocks.filter.mean[PI_V]) - self._pi_rates[0]
        return abs(moved - slope) < 0.5 * abs(slope)
