"""How long the Pi's PWM period is in CLOCK_MONOTONIC_RAW nanoseconds, exactly. Pure.

The kernel makes nanoseconds of the counter's ticks by ``ticks * mult >> shift`` with a whole ``mult``, whose
rounding makes RAW slow or fast by up to a part in 10^9. RAW never sees any other correction. Source:
``clocks_calc_mult_shift`` and ``__clocksource_update_freq_scale`` in Linux ``kernel/time/clocksource.c`` (for a
counter of more than 32 bits: the largest shift with which 600 s still fit into 64 bits). The tests hold it against
the two values that are documented for Raspberry Pis.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["RawClock"]

_LONGEST_S = 600
"""Seconds that the kernel converts in one go without overflow."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RawClock:
    """CLOCK_MONOTONIC_RAW of a machine whose 64-bit counter runs at nominally ``counter_hz``."""

    counter_hz: int

    @property
    def mult_shift(self) -> tuple[int, int]:
        """The kernel's ``mult`` and ``shift``."""
        most = 1 << (32 - ((_LONGEST_S * self.counter_hz) >> 32).bit_length())
        for shift in range(32, 0, -1):
            mult = ((_NS << shift) + self.counter_hz // 2) // self.counter_hz
            if mult < most:
                break
        return mult, shift

    @property
    def tick_ns(self) -> Fraction:
        """RAW nanoseconds a tick of the counter; also the steps in which RAW goes."""
        mult, shift = self.mult_shift
        return Fraction(mult, 1 << shift)

    @property
    def error_ppb(self) -> float:
        """By how much RAW runs fast against the counter, by rounding alone."""
        return float((self.tick_ns * self.counter_hz / _NS - 1) * _NS)

    def period_ns(self, rate_hz: int | Fraction) -> Fraction:
        """RAW nanoseconds from edge to edge of a PWM of ``rate_hz`` made of the same crystal."""
        return self.tick_ns * self.counter_hz / rate_hz
