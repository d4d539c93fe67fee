"""When burning must stop at once, and why. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .reading import Reading, busy_cores

__all__ = ["FLAGS", "Guard", "Limits"]

FLAGS = {
    0: "under-voltage",
    1: "the ARM clock is capped",
    2: "throttled",
    3: "the soft temperature limit is active",
}
"""Bits of the firmware's get_throttled that hold now; 16 higher: that it was so since the boot."""
_SINCE_BOOT = 16
_DIE_S = 10.0
"""About the die's own lag: a shorter change of the power shows in no temperature."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``limit_c``: no burning at or above it. ``stale_s``: so long without a reading is too long.

    ``jump_k`` and ``jump_k_per_s``: no die moves more from one reading to the next (four cores of a Pi 4 warm theirs
    by 2.4 K in the first second). ``frozen_s``, ``frozen_cores``: a reading that stays the same for so long after the
    power has changed by so many cores is that of a sensor that has died.
    """

    limit_c: float = 75.0
    stale_s: float = 3.0
    jump_k: float = 5.0
    jump_k_per_s: float = 4.0
    lowest_c: float = -20.0
    frozen_s: float = 300.0
    frozen_cores: float = 0.5


class Guard:
    """Looks at each reading; what it found once stays found: only a new start burns again."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._stopped = ""
        self._last: tuple[float, float] | None = None
        self._started_s = float("nan")
        self._flags_before: int | None = None
        self._same_since_s = 0.0
        self._power = self._power_then = 0.0

    def check(self, reading: Reading) -> str:
        """Why there must be no burning from now on; an empty text: there may be."""
        if math.isnan(self._started_s):
            self._started_s = reading.t_s
        self._stopped = self._stopped or self._flags(reading.throttled) or self._temperature(reading)
        return self._stopped

    def _flags(self, flags: int | None) -> str:
        if flags is None:
            return (
                "the firmware's throttling flags can no longer be read"
                if self._flags_before is not None
                else ""
            )
        before = flags if self._flags_before is None else self._flags_before
        self._flags_before = flags
        for bit, told in FLAGS.items():
            if flags >> bit & 1:
                return f"the firmware says: {told}"
            if (flags & ~before) >> (bit + _SINCE_BOOT) & 1:
                return f"the firmware says: {told}, for a moment"
        return ""

    def _temperature(self, reading: Reading) -> str:
        limits, celsius, now_s = self._limits, reading.temperature_c, reading.t_s
        if celsius is None or not math.isfinite(celsius):
            since_s = self._started_s if self._last is None else self._last[0]
            return f"no temperature for {limits.stale_s:g} s" if now_s - since_s > limits.stale_s else ""
        if celsius >= limits.limit_c:
            return f"{celsius:.1f} °C: the limit is {limits.limit_c:g} °C"
        if celsius < limits.lowest_c:
            return f"{celsius:.1f} °C: no Pi is so cold, the sensor is broken"
        return self._movement(now_s, celsius, busy_cores(reading.work) + busy_cores(reading.burned))

    def _movement(self, now_s: float, celsius: float, power_cores: float) -> str:
        """Does the sensor move too much, or not at all though it should?"""
        limits = self._limits
        if self._last is None:
            self._last, self._same_since_s = (now_s, celsius), now_s
            self._power = self._power_then = power_cores
            return ""
        (before_s, before_c), self._last = self._last, (now_s, celsius)
        since_s = now_s - before_s
        self._power += (power_cores - self._power) * min(1.0, since_s / _DIE_S)
        if abs(celsius - before_c) > limits.jump_k + limits.jump_k_per_s * since_s:
            return f"the sensor jumped from {before_c:.1f} to {celsius:.1f} °C"
        if celsius != before_c:
            self._power_then = self._power
        if celsius != before_c or abs(self._power - self._power_then) < limits.frozen_cores:
            self._same_since_s = now_s
        if now_s - self._same_since_s > limits.frozen_s:
            return f"{celsius:.1f} °C for {limits.frozen_s:g} s while the power changed: the sensor is stuck"
        return ""
