"""Feeding the noise levels and the temperature model from what the trackers saw. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..filter.clock_model import GPS_V, PI_D, Levels
from ..filter.clocks import Clocks
from ..track.pulse import PulseTracker
from ..track.pwm import PwmTracker
from ..track.sight import Sight
from .noise import Average, Bounds, DriftSize, PiNoise, PulseNoise, Whiteness, clip, export, imported
from .own_walk import EVERY_S, OwnWalk
from .temperature import SAMPLE_S, TemperatureModel

__all__ = ["Learning"]

APPLY_EVERY_S = 16
"""Levels are changed this seldom: each change means new block matrices."""
SURE_AFTER_S = 60.0
"""Seconds of data before a learned level replaces the first one."""
WARM_UP_PPB = 0.8
"""Extra random walk (per root second) of a TCXO that was just switched on..."""
WARM_UP_S = 300.0
"""...and how it fades with the board's up time."""
RESTLESS = 3.0
"""A counter that walks more than the Pi does by itself is no clock to average GPS against: what it could tell is lost
already, to expect still more of it costs next to nothing, and the next gust moves it by more than a walk does."""
_WIDEST = 12.0


class Learning:
    """Noise levels that adapt; they survive restarts of the board."""

    def __init__(self, levels: Levels, bounds: Bounds, gps_ns: float) -> None:
        self.levels = levels
        self.gps_variance = gps_ns * gps_ns
        self._bounds = bounds
        self._pi = PiNoise()
        self._own = OwnWalk()
        self._drift = DriftSize(levels.pi_drift)
        self._gps = PulseNoise(gps_ns)
        self._rtc = PulseNoise(10.0)
        self._white = Whiteness()
        self._edge, self._jitter = Average(600.0), Average(600.0)
        self._walk = levels.tcxo_walk
        self._last_sight: Sight | None = None
        self._target = 0
        self._jitter_variance = 0.0
        self._drift_size = levels.pi_drift
        self._seconds = 0
        self._next_sample_s = 0.0
        self._rate_restarts = 0

    def begin(self, clocks: Clocks, pwm: PwmTracker) -> None:
        """A new filter: ticks started anew."""
        self._last_sight = None
        self._pi.interrupt()
        self._own.interrupt()
        self._next_sample_s = clocks.epoch / clocks.tick_hz + 2.0 * SAMPLE_S
        self._rate_restarts = 0
        pwm.reader.levels_changed()
        clocks.levels = self._with_warm_up(clocks.epoch / clocks.tick_hz)

    def update(
        self,
        clocks: Clocks,
        pwm: PwmTracker,
        gps: PulseTracker,
        rtc: PulseTracker,
        tick_now: int,
        adapt: bool,
    ) -> None:
        """Look at what the second brought; change the levels now and then."""
        self._seconds += 1
        if not adapt:
            if self._seconds % APPLY_EVERY_S == 0:
                clocks.levels = self._with_warm_up(tick_now / clocks.tick_hz)
                pwm.reader.levels_changed()
            return
        self._observe_pi(clocks, pwm)
        if self._seconds % EVERY_S == 0:
            self._observe_both(clocks, pwm, gps)
        bounds = self._bounds
        if gps.innovation is not None and gps.accepted > 10:
            residual, predicted = gps.innovation
            gps.variance = self.gps_variance = self._gps.add(residual, predicted, bounds.gps_ns)
            least, most = bounds.tcxo_walk
            least = min(max(least, RESTLESS * self._pi.counters_walk), most)
            self._walk = self._white.add(residual, predicted + gps.variance, self._walk, (least, most))
        if rtc.innovation is not None and rtc.accepted > 10:
            rtc.variance = self._rtc.add(*rtc.innovation, bounds.rtc_ns)
        if self._seconds % APPLY_EVERY_S == 0:
            self._apply(clocks, pwm, tick_now / clocks.tick_hz)

    def teach(
        self, clocks: Clocks, gps: PulseTracker, temperature: TemperatureModel, tick_now: int, fresh: bool
    ) -> None:
        """Show the temperature model the TCXO's rate once in a while, when GPS is there (``fresh``)."""
        now_s = tick_now / clocks.tick_hz
        if not fresh or now_s < self._next_sample_s or gps.accepted < SAMPLE_S:
            return
        self._next_sample_s = now_s + SAMPLE_S
        if gps.rate_restarts != self._rate_restarts:
            self._rate_restarts = gps.rate_restarts
            temperature.rate_jumped()
        variance = 2.0 * float(clocks.filter.cov[GPS_V, GPS_V])
        temperature.learn(float(clocks.filter.mean[GPS_V]), variance, self._walk)

    def export_state(self) -> dict[str, Any]:
        """The levels, JSON-able."""
        return export(replace(self.levels, tcxo_walk=self._walk), self.gps_variance)

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Start from an earlier run's levels. Raises ValueError when one is no level."""
        kept = imported(state, self._bounds)
        gps_ns = kept.pop("gps_ns")
        self.levels = replace(self.levels, **kept)
        self.gps_variance = gps_ns * gps_ns
        self._gps = PulseNoise(gps_ns)
        self._drift = DriftSize(self.levels.pi_drift)
        self._walk = self.levels.tcxo_walk

    def _observe_pi(self, clocks: Clocks, pwm: PwmTracker) -> None:
        sight = pwm.sight
        if (
            sight is None
            or pwm.blocks < 3
            or sight.variance > 0.2 * pwm.reader.rounding_variance + pwm.reader.jitter_variance
        ):
            self._last_sight = None
            self._pi.interrupt()
            return
        hz = clocks.tick_hz
        target = self._target + round(hz)
        if self._last_sight is None or abs(target - sight.start - 0.5 * hz) > 0.1 * hz:
            target = sight.start + round(0.5 * hz)
            self._pi.interrupt()
        else:
            self._pi.add(self._advance_ns(pwm, self._last_sight, sight, target), sight.variance)
        self._last_sight, self._target = sight, target
        if pwm.scatter is not None:
            edge, noise_like = pwm.scatter
            pwm.reader.edge_variance = max(pwm.reader.rounding_variance, self._edge.add(edge, _WIDEST))
            self._jitter_variance = max(
                0.0, self._jitter.add(noise_like, _WIDEST) - pwm.reader.rounding_variance
            )
        drift, variance = clocks.filter.mean.item(PI_D), clocks.filter.cov.item(PI_D, PI_D)
        size = self._drift.add(drift, variance, self._bounds.pi_drift)
        self._drift_size = size

    def _observe_both(self, clocks: Clocks, pwm: PwmTracker, gps: PulseTracker) -> None:
        """The Pi against GPS."""
        sight, tick = pwm.sight, gps.last_good
        if sight is None or tick is None or abs(tick - sight.start) > clocks.tick_hz or not gps.innovation:
            self._own.interrupt()
        else:
            self._own.add(sight, tick, clocks.tick_hz, pwm.comb.rate_hz, gps.variance)

    def _advance_ns(self, pwm: PwmTracker, before: Sight, now: Sight, target: int) -> float:
        """How far the Pi's clock got ahead of the counter in the second up to ``target``."""
        comb = pwm.comb
        whole_s = (now.teeth - before.teeth) / comb.rate_hz - (now.anchor - before.anchor) / comb.tick_hz
        parts_ns = now.reading_ns(target, comb.tick_hz) - before.reading_ns(self._target, comb.tick_hz)
        return whole_s * 1e9 + parts_ns

    def _apply(self, clocks: Clocks, pwm: PwmTracker, uptime_s: float) -> None:
        if self._pi.seconds() >= SURE_AFTER_S:
            own = self._own.at_most(self.levels.pi_white)
            white, walk = self._pi.levels(clocks.levels, self._bounds, own)
            pwm.reader.jitter_variance = self._jitter_variance
            self.levels = replace(
                self.levels,
                pi_white=white,
                pi_walk=walk,
                pi_drift=clip(self._drift_size * self._pi.own_share, self._bounds.pi_drift),
            )
        self.levels = replace(self.levels, tcxo_walk=self._walk)
        clocks.levels = self._with_warm_up(uptime_s)
        pwm.reader.levels_changed()

    def _with_warm_up(self, uptime_s: float) -> Levels:
        extra = WARM_UP_PPB * math.exp(-uptime_s / WARM_UP_S)
        return replace(self.levels, tcxo_walk=math.hypot(self._walk, extra))
