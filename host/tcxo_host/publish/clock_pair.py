"""CLOCK_REALTIME against CLOCK_MONOTONIC_RAW to some ten nanoseconds.

The clocks are read in turn. Every REALTIME reading lies between two RAW readings and so bounds the difference
from both sides; the tightest bounds of many readings are intersected, so that an interruption costs nothing. A
clock that is stepped meanwhile contradicts itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ClockPair", "read_pair"]

READINGS = 8
TRIES = 4
ENOUGH_NS = 120.0
ROUNDING_NS = 2
"""Both clocks round down to whole nanoseconds."""


@dataclass(frozen=True, slots=True)
class ClockPair:
    """REALTIME was ``real_ns``, within ``half_width_ns``, when RAW was ``raw_ns``."""

    raw_ns: int
    real_ns: int
    half_width_ns: float


def read_pair(clock: Callable[[int], int] = time.clock_gettime_ns) -> ClockPair | None:
    """The tightest of a few series of readings, with both sides' bounds; None while the clock is being stepped."""
    best: ClockPair | None = None
    for _ in range(TRIES):
        pair = _series(clock)
        if pair is not None and (best is None or pair.half_width_ns < best.half_width_ns):
            best = pair
        if best is not None and best.half_width_ns <= ENOUGH_NS:
            break
    return best


def _series(clock: Callable[[int], int]) -> ClockPair | None:
    raw, real = time.CLOCK_MONOTONIC_RAW, time.CLOCK_REALTIME
    readings = [clock(raw)]
    for _ in range(READINGS):
        readings.append(clock(real))
        readings.append(clock(raw))
    raws, reals = readings[::2], readings[1::2]
    most = min(s - r for s, r in zip(reals, raws[:-1], strict=True))
    least = max(s - r for s, r in zip(reals, raws[1:], strict=True))
    if least > most + ROUNDING_NS:
        return None
    return ClockPair(raws[-1], raws[-1] + (least + most) // 2, max(most - least, ROUNDING_NS) / 2 + 1.0)
