"""Following a clock that gives one pulse at a time (GPS, RTC): start, gate, restart. Pure."""

from __future__ import annotations

import math
from collections import deque

from ....edges.second import Ticks
from ..filter.clock_model import RATES
from ..filter.clocks import Clocks
from ..filter.comb import Comb
from ..rate_history import SPANS_S
from ..witness import Change
from .lean import Lean
from .pi_witness import PiWitness
from .scatter import Scatter
from .trial import LENGTH, SHORT_LENGTH, Trial, slope_ppb

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
EXPECTED = 4.5
"""What GPS was doubted for once, with no witness, is the next time a change by so many standard deviations."""


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
        self.unconfirmed_ppb = 0.0
        """By how much what the pulses tell may be wrong because their rate moved and nobody knows who did."""
        self._is_unknown = True
        self._pi = PiWitness(PERSISTENT)
        self._u = u
        self._first_rate_ppb = first_rate_ppb
        self._refused: list[tuple[int, float]] = []
        self._is_right = is_right
        self._lean = Lean()
        self._rate_lost: int | None = None
        self.passed = (0, 0.0)
        """Periods from the good pulse before to the latest second's, 0 without one, and by how much (ns) the clock
        gained on the counter in them."""
        self._noted: int | None = None
        self.trial: Trial | None = None
        """In which pulses are only watched until they keep the known rate."""
        self._known: deque[float] = deque(maxlen=2 * SPANS_S[-1])
        """The rate at the latest good pulses."""
        self._period_ticks = comb.tick_hz / comb.rate_hz
        self.scatter = Scatter(self._period_ticks, 1e9 / comb.tick_hz)
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
            elif self.trial is not None:
                self._try(clocks, tick, self.trial)
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
        self.last_good = self._noted = tick
        self._refused.clear()
        ahead_s = clocks.seconds_after(tick)
        rate_variance = self._rate_variance(clocks)
        offset = -ahead_s * float(clocks.filter.mean[self._u + 1])
        self.doubted = False
        self._lean.clear()
        self._is_unknown = rate_variance > 1e6
        self._pi.note(clocks)
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
        self._pi.note(clocks)
        self._known.append(clocks.filter.mean.item(self._u + 1))
        self.innovation = (residual, predicted)
        self._pass(tick)
        self.accepted += 1
        self.doubted = False
        self._refused.clear()

    def _pass(self, tick: int, step_ns: float = 0.0) -> None:
        """A good pulse. A step of the phase counts for nothing."""
        self._note(tick, step_ns)
        self.last_good = tick

    def _note(self, tick: int, step_ns: float = 0.0) -> None:
        """How long is it since the pulse before?"""
        if self._noted is not None:
            interval = tick - self._noted
            periods = round(interval / self._period_ticks)
            late_ticks = interval - periods * self._period_ticks
            self.passed = periods, -late_ticks / self.comb.tick_hz * 1e9 - step_ns
        self._noted = tick

    def _watch_counter(self, clocks: Clocks, residual: float, sigma: float) -> None:
        """Notice pulses that lean to one side: what they are seen against drifts."""
        doubt_ppb = self._lean.doubt_ppb(residual, sigma)
        if not doubt_ppb:
            return
        self.counter_moved |= self._pi.leans_too(clocks, residual)
        if self._is_right and clocks.witnesses.counter_moved() is False:
            self.distrust(clocks)
        elif self._is_right and clocks.witnesses.unconfirmed() is None:
            clocks.filter.widen_together(RATES, doubt_ppb**2)

    def distrust(self, clocks: Clocks, change: Change | None = None) -> None:
        """The other clocks say that this one slides, or its rate made a ``change`` that the counter never made and
        nobody can tell: the rate is what it was before, and pulses are on trial until they keep it."""
        if self.trial is not None or self.accepted < SETTLED:
            return
        rate = self._u + 1
        span_s = SPANS_S[-1] if change is None else change.span_s
        before = self._known[max(0, len(self._known) - 2 * span_s)]
        moved = before - float(clocks.filter.mean[rate])
        clocks.filter.shift(rate, moved, 2.0 * span_s * clocks.levels.tcxo_walk**2 if change else 0.0)
        doubt_ppb = abs(change.ppb) if change else 0.0
        if change:
            clocks.witnesses.gps.excuse(EXPECTED)
        clocks.witnesses.acted()
        self.trial = Trial(clocks.tick_hz, self._rate_variance(clocks), LENGTH, -moved, doubt_ppb)
        self.unconfirmed_ppb = doubt_ppb
        self.doubted = True

    def _try(self, clocks: Clocks, tick: int, trial: Trial) -> None:
        """Take a pulse on trial: nothing is learned from it but whether it keeps the known rate."""
        self.rejected += 1
        ago_s = -clocks.seconds_after(tick)
        residual = self.comb.residual_ns(tick, clocks.filter.offset_at(self._u, ago_s)[0])
        walked, steadily = clocks.levels.tcxo_walk**2 * self.age_s(clocks, tick), trial.is_steady(residual)
        passes = trial.passes(tick, residual, self.noise(), walked)
        self.unconfirmed_ppb = trial.disagreement_ppb
        if passes:
            clocks.witnesses.gps.begin_anew()
            self._believe(clocks, tick, residual)
        elif self.age_s(clocks, tick) > PATIENCE_S:
            clocks.witnesses.gps.excuse(1.0)
            self._forget_rate(clocks, tick)
        elif steadily:
            self._note(tick)

    def hear(self, clocks: Clocks, counter_moved: bool | None) -> None:
        """What the witnesses say during a trial, which counts when it began without them."""
        trial = self.trial
        if trial is None or not trial.disagreement_ppb or counter_moved is None:
            return
        if counter_moved:
            clocks.filter.shift(self._u + 1, trial.rate_ppb, trial.disagreement_ppb**2)
            self._believe(clocks, *trial.latest)
        else:
            trial.disagreement_ppb = self.unconfirmed_ppb = 0.0

    def _believe(self, clocks: Clocks, tick: int, residual: float) -> None:
        """The trial is over; only the phase starts anew."""
        clocks.witnesses.acted()
        self.trial, self.unconfirmed_ppb, self.doubted = None, 0.0, False
        self.restarts += 1
        self.scatter.believed_again()
        self._pass(tick)
        clocks.filter.forget(self._u, self.noise(), float(clocks.filter.mean[self._u]) + residual)
        clocks.move_anchor(self.comb, self._u, tick)

    def _forget_rate(self, clocks: Clocks, tick: int) -> None:
        self.trial, self.unconfirmed_ppb = None, 0.0
        clocks.filter.forget(self._u + 1, self._first_rate_ppb**2, 0.0)
        self.restarts += 1
        self.rate_restarts += 1
        self._rate_lost = tick
        self._start(clocks, tick)

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
            self.counter_moved |= self._pi.leans_too(clocks, residual)
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
            explained = age_s < WITNESS_S and self._pi.moved_too(clocks, slope)
            self.doubted = self.accepted >= SETTLED and age_s < PATIENCE_S and not explained
            if self.doubted:
                self._refused.clear()
                self.trial = Trial(clocks.tick_hz, self._rate_variance(clocks), SHORT_LENGTH)
                return
            self._forget_rate(clocks, tick)

    def _rate_variance(self, clocks: Clocks) -> float:
        return float(clocks.filter.cov[self._u + 1, self._u + 1])

    def _slope(self, clocks: Clocks) -> tuple[float, float]:
        """By how much (ppb) the latest refused pulses tell another rate than is known, and its variance."""
        slope, spread = slope_ppb(self._refused[-PERSISTENT:], clocks.tick_hz)
        return slope, self.noise() / spread + self._rate_variance(clocks)
