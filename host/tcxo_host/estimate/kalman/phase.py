"""GPS time against the Pi's time, read off the joint filter once a second. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..gps_phase import GpsPhase
from .filter.clock_model import GPS_U, GPS_V, PI_D, PI_U, PI_V
from .filter.clocks import Clocks
from .track.pulse import PulseTracker
from .track.pwm import PwmTracker

__all__ = ["PhaseReader"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the Pi's clock stood: its reading at ``epoch`` is ``teeth`` periods and ``offset_ns``."""

    epoch: int
    teeth: int
    offset_ns: float
    rate_ppb: float
    drift: float
    lineage: tuple[int, int, int]


class PhaseReader:
    """Keeps what one second needs to know of the one before."""

    def __init__(self) -> None:
        self._starts = 0
        self._seen: _Seen | None = None
        self._blind_ns = 0.0

    def begin(self) -> None:
        """The filter begins anew: so does every numbering."""
        self._starts += 1
        self._seen = None
        self._blind_ns = 0.0

    def read(
        self, clocks: Clocks, gps: PulseTracker, pwm: PwmTracker, rate_variance: float, span_s: float
    ) -> GpsPhase | None:
        """The phase at the filter's epoch; None while GPS or PWM have not been seen.

        ``rate_variance``: what a missing GPS adds to the variance of the counter's rate beyond the filter's own,
        ppb^2, 0 while it is there. Its error may last, so it adds up without averaging over the ``span_s`` of
        each second.
        """
        if gps.accepted < 2 or pwm.blocks < 2:
            self._seen = None
            return None
        self._blind_ns = self._blind_ns + math.sqrt(rate_variance) * span_s if rate_variance > 0.0 else 0.0
        mean, cov = clocks.filter.mean.tolist(), clocks.filter.cov.tolist()
        period_ns = 1e9 / pwm.comb.rate_hz
        since_ns = clocks.seconds_after(pwm.comb.anchor) * -1e9 + mean[PI_U]
        whole = math.floor(since_ns / period_ns)
        gps_ns = clocks.seconds_after(gps.comb.anchor) * -1e9 + mean[GPS_U]
        lineage = (self._starts, pwm.restarts, gps.restarts)
        now = _Seen(clocks.epoch, pwm.comb.teeth, since_ns, mean[PI_V], mean[PI_D], lineage)
        moved_ns = self._moved_ns(now, clocks.tick_hz, period_ns)
        self._seen = now
        variance = cov[GPS_U][GPS_U] - 2.0 * cov[GPS_U][PI_U] + cov[PI_U][PI_U] + self._blind_ns**2
        rates = cov[GPS_V][GPS_V] - 2.0 * cov[GPS_V][PI_V] + cov[PI_V][PI_V] + rate_variance
        return GpsPhase(
            tick=clocks.epoch,
            tick_hz=clocks.tick_hz,
            pi_period_ns=period_ns,
            pi_edge=pwm.comb.teeth + whole,
            pi_after_ns=since_ns - whole * period_ns,
            gps_after_ns=gps_ns % 1e9,
            pi_rate_ppb=mean[PI_V],
            rate_ppb=((1.0 + mean[GPS_V] * 1e-9) / (1.0 + mean[PI_V] * 1e-9) - 1.0) * 1e9,
            sigma_ns=math.sqrt(max(variance, 0.0)),
            rate_sigma_ppb=math.sqrt(max(rates, 0.0)),
            pi_white_ppb=clocks.levels.pi_white,
            moved_ns=moved_ns,
            pi_age_s=pwm.age_s(clocks, clocks.epoch),
            lineage=lineage,
        )

    def _moved_ns(self, now: _Seen, tick_hz: float, period_ns: float) -> float:
        before = self._seen
        if before is None or before.lineage != now.lineage:
            return 0.0
        s = (now.epoch - before.epoch) / tick_hz
        gone_ns = (now.teeth - before.teeth) * period_ns + now.offset_ns - before.offset_ns
        return gone_ns - s * (1e9 + before.rate_ppb + 0.5 * before.drift * s)
