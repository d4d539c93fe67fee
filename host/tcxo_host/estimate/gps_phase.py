"""What an estimator tells about phase: GPS time against the time that the Pi's PWM shows. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["GpsPhase"]


@dataclass(frozen=True, slots=True)
class GpsPhase:
    """Both clocks' readings at one tick of the board's counter, and how they go on from there.

    ``pi_after_ns``: the Pi's own time since PWM edge number ``pi_edge``, 0 to a period; ``gps_after_ns``: GPS
    time since a whole second, 0 to 1e9. ``sigma_ns``: of the difference between the two, one standard deviation.
    """

    tick: int
    tick_hz: float
    pi_period_ns: float
    """From PWM edge to PWM edge in the Pi's own time."""
    pi_edge: int
    pi_after_ns: float
    gps_after_ns: float
    pi_rate_ppb: float
    """By how much the Pi's time runs faster than the counter."""
    rate_ppb: float
    """By how much GPS time runs faster than the Pi's."""
    sigma_ns: float
    rate_sigma_ppb: float
    pi_white_ppb: float
    """The Pi's white frequency noise, ADEV at 1 s."""
    moved_ns: float
    """How far the latest second's PWM edges lay from where the second before had them expected."""
    pi_age_s: float
    """From the latest PWM edge that was taken to the tick; 0 unless edges are missing or refused."""
    lineage: tuple[int, int, int]
    """Changes when the PWM's edges are numbered anew, or GPS was started anew."""

    def gps_at(self, pi_elapsed_ns: float) -> float:
        """GPS time since a whole second, 0 to 1e9 ns, when the Pi's time has gone on by ``pi_elapsed_ns``."""
        return (self.gps_after_ns + pi_elapsed_ns * (1.0 + self.rate_ppb * 1e-9)) % 1e9

    def sigma_at(self, pi_elapsed_ns: float) -> float:
        """Standard deviation of ``gps_at``, ns."""
        s = abs(pi_elapsed_ns) * 1e-9
        return math.sqrt(self.sigma_ns**2 + (self.rate_sigma_ppb * s) ** 2 + self.pi_white_ppb**2 * s)

    def pi_elapsed_ns(self, tick: int) -> float:
        """How far the Pi's time goes on until the counter's ``tick``, ns."""
        return (tick - self.tick) / self.tick_hz * (1e9 + self.pi_rate_ppb)
