"""Who carries on without GPS: the steadiest of the other clocks, else the counter alone. Pure.

A clock that carries has its pulses taken for GPS's, as much earlier as they were learned to be late. What its rate
may be off then is no noise of its pulses, so it is added to the variance of the counter's rate.
"""

from __future__ import annotations

import math

from tcxo_protocol.spec import Role

from ...edges.second import Second
from .filter.clock_model import GPS_U, GPS_V
from .filter.clocks import Clocks
from .flywheel import GATE, PERSISTENT, Flywheel
from .learn.temperature import TemperatureModel
from .track.pulse import PulseTracker
from .track.scatter import Scatter

__all__ = ["Holdover"]

_ROLES = (Role.REF_PPS.label, Role.RTC_PPS.label)
_FRESH_S = 3.5
_SLACK_NS = 30.0
"""By how much a phase that was carried may be off beyond what its rate makes of it."""
_QUIETEST = 2.0
"""A pulse's variance is at least so many times that of rounding to whole ticks."""


class Holdover:
    """What is known of the other clocks of one board since it started."""

    def __init__(self, tick_hz: float, blind_walk_ppb: float) -> None:
        self._rounding = (1e9 / tick_hz) ** 2 / 12.0
        self._blind_walk_ppb = blind_walk_ppb
        self._clocks = {role: Flywheel() for role in _ROLES}
        self._scatter = {role: Scatter(tick_hz, 1e9 / tick_hz) for role in _ROLES}
        self._seen_s = dict.fromkeys(_ROLES, -math.inf)
        self.carrier = ""
        """The role of the clock that carries now; empty when none does."""
        self._broken: set[str] = set()
        self._refused: list[float] = []
        self._carried_variance = 0.0
        self._carried_ns = 0.0
        self._reference_c: float | None = None
        self._blind_s = 0.0
        self._own_variance = 0.0

    def before(self, clocks: Clocks, gps: PulseTracker, second: Second) -> None:
        """GPS pulses again: let its phase and rate be as far off as they may have been carried."""
        ticks = second.ticks.get(Role.GPS_PPS.label)
        if self._carried_ns and not gps.doubted and ticks is not None and ticks.size:
            clocks.filter.shift(GPS_U, 0.0, (self._carried_ns + _SLACK_NS) ** 2)
            clocks.filter.shift(GPS_V, 0.0, self._carried_variance)
            self._carried_ns = 0.0

    def take(self, clocks: Clocks, gps: PulseTracker, second: Second, is_gps_there: bool) -> None:
        """The pulses of a second, after GPS's own were taken."""
        now_s = second.tick_now / clocks.tick_hz
        for role in _ROLES:
            ticks = second.ticks.get(role)
            if ticks is None or not ticks.size:
                continue
            for tick in ticks[-4:].tolist():
                self._scatter[role].add(tick)
            self._seen_s[role] = now_s
            if gps.innovation is not None and gps.last_good is not None and not gps.doubted:
                apart_s = (int(ticks[-1]) - gps.last_good) / clocks.tick_hz
                late_ns = apart_s * (1e9 + float(clocks.filter.mean[GPS_V]))
                self._clocks[role].observe(gps.last_good / clocks.tick_hz, late_ns)
        if is_gps_there:
            self.carrier = ""
            self._broken.clear()
            self._refused.clear()
            return
        if not self.carrier or now_s - self._seen_s[self.carrier] > _FRESH_S or self.carrier in self._broken:
            self._choose(clocks, gps, now_s)
        if self.carrier:
            for tick in second.ticks.get(self.carrier, ())[-4:]:
                self._carry(clocks, gps, int(tick))

    def variance(
        self, temperature: TemperatureModel, is_gps_there: bool, tick_s: float, span_s: float
    ) -> float:
        """What the missing GPS adds to the variance of the counter's rate beyond its random walk, ppb^2."""
        now_c = temperature.celsius
        if is_gps_there:
            self._reference_c, self._blind_s, self._own_variance, self._carried_variance = (
                now_c,
                0.0,
                0.0,
                0.0,
            )
            return 0.0
        if self.carrier:
            self._reference_c, self._blind_s, self._own_variance = now_c, 0.0, 0.0
            self._carried_variance = self._clocks[self.carrier].variance(tick_s)
            self._carried_ns += math.sqrt(self._carried_variance) * span_s
        elif now_c is not None and self._reference_c is not None:
            self._own_variance = temperature.change(self._reference_c, now_c)[1]
        else:
            self._blind_s += span_s
            self._own_variance = self._blind_walk_ppb**2 * self._blind_s / 3600.0
        return self._own_variance + self._carried_variance

    def who_carries(self) -> str:
        """For people: what carries in GPS's place, where that is a clock made for it; else empty."""
        return ", ref_pps carries on" if self.carrier == Role.REF_PPS.label else ""

    def _choose(self, clocks: Clocks, gps: PulseTracker, now_s: float) -> None:
        """The steadiest clock whose rate is known better than the counter's is without it."""
        best = self._own_variance + float(clocks.filter.cov[GPS_V, GPS_V]) + self._carried_variance
        self.carrier = ""
        self._refused.clear()
        for role, clock in self._clocks.items():
            fresh = now_s - self._seen_s[role] < _FRESH_S
            if role in self._broken or not fresh or not clock.is_known(gps.variance):
                continue
            if clock.variance(now_s) < best:
                best, self.carrier = clock.variance(now_s), role

    def _carry(self, clocks: Clocks, gps: PulseTracker, tick: int) -> None:
        """Take the carrier's pulse for GPS's."""
        clock, tick_s = self._clocks[self.carrier], tick / clocks.tick_hz
        noise = max(self._scatter[self.carrier].variance(), _QUIETEST * self._rounding)
        ago_s = -clocks.seconds_after(tick)
        offset, predicted = clocks.filter.offset_at(GPS_U, ago_s)
        residual = gps.comb.residual_ns(tick, offset - clock.late_at(tick_s))
        if residual * residual <= GATE * GATE * (predicted + noise):
            clocks.filter.update_offset(GPS_U, ago_s, residual, noise)
            self._refused.clear()
            return
        self._refused.append(residual)
        if len(self._refused) < PERSISTENT:
            return
        mean, spread = sum(self._refused) / PERSISTENT, max(self._refused) - min(self._refused)
        self._refused.clear()
        if spread < 2.0 * GATE * math.sqrt(noise):
            clock.stepped(tick_s, -mean)
        # It stepped, or goes at another rate: nobody is there to tell, and what it carried to may be wrong already.
        self._broken.add(self.carrier)
