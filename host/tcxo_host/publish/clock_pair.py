"""CLOCK_MONOTONIC_RAW and CLOCK_REALTIME read at one moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ClockPair", "read_pair"]


@dataclass(frozen=True, slots=True)
class ClockPair:
    """CLOCK_MONOTONIC_RAW and CLOCK_REALTIME at one moment, ns; ``width_ns``: how well that moment is known."""

    raw_ns: int
    real_ns: int
    width_ns: int


def read_pair(
    clock: Callable[[int], int] = time.clock_gettime_ns, tries: int = 5, enough_ns: int = 1000
) -> ClockPair:
    """The tightest of up to ``tries`` pairs: RAW, REALTIME, RAW; the middle of the RAWs is taken."""
    best: ClockPair | None = None
    for _ in range(tries):
        before_ns = clock(time.CLOCK_MONOTONIC_RAW)
        real_ns = clock(time.CLOCK_REALTIME)
        after_ns = clock(time.CLOCK_MONOTONIC_RAW)
        width_ns = after_ns - before_ns
        if best is None or width_ns < best.width_ns:
            best = ClockPair((before_ns + after_ns) // 2, real_ns, width_ns)
        if best.width_ns <= enough_ns:
            break
    assert best is not None
    return best
