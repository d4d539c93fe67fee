"""A PWM pin that follows this machine's own raw clock, for trying the shipped polls and pairs on real clocks.

Stands in for the GPLEV0 register alone: ``level`` reads CLOCK_MONOTONIC_RAW and tells what a pin would show then,
so clocks, scheduler, interruptions and Python are the real ones. Real: a register read takes 55 to 175 ns on a Pi
and does not read a clock. Left out: the Pi's bus, and its slower cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..estimate.gps_phase import GpsPhase

__all__ = ["ClockedPin"]

_RAW = time.CLOCK_MONOTONIC_RAW
_TICK_HZ = 84_000_000.0
_SECOND_NS = 1_000_000_000


class ClockedPin:
    """Edges every ``period_ns`` of the raw clock, one of them at ``first_ns``; high for half a period."""

    def __init__(self, period_ns: int, first_ns: int) -> None:
        self._first_ns = first_ns
        self._period_ns = period_ns

    def level(self, clock: Callable[[int], int] = time.clock_gettime_ns) -> int:
        """1 while the pin is high, else 0."""
        return (clock(_RAW) - self._first_ns) % self._period_ns < self._period_ns >> 1

    def phase_now(self, raw_ns: int) -> GpsPhase:
        """What a perfect filter tells: GPS seconds begin at the edges 0, 50, 100... of a 50 Hz pin."""
        edge = (raw_ns - self._first_ns) // self._period_ns
        nominal_ns = 2e7
        return GpsPhase(
            tick=round(edge * 0.02 * _TICK_HZ),
            tick_hz=_TICK_HZ,
            pi_period_ns=nominal_ns,
            pi_edge=edge,
            pi_after_ns=0.0,
            gps_after_ns=edge * nominal_ns % 1e9,
            pi_rate_ppb=0.0,
            rate_ppb=0.0,
            sigma_ns=1.0,
            rate_sigma_ppb=0.0,
            pi_white_ppb=1.0,
            moved_ns=0.0,
            pi_age_s=0.0,
            lineage=(0, 0, 0),
        )

    def true_offset_ns(self, real_minus_raw_ns: int, real_ns: int) -> float:
        """GPS minus the system clock when that showed ``real_ns``, being ``real_minus_raw_ns`` ahead of RAW."""
        gone_ns = real_ns - real_minus_raw_ns - self._first_ns
        nominal_ns = gone_ns * 2e7 / self._period_ns
        return (nominal_ns % 1e9 - real_ns % _SECOND_NS + 0.5e9) % 1e9 - 0.5e9
