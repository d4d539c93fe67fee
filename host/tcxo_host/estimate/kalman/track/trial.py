"""Pulses that are not believed: do they keep the rate that is known? Pure."""

from __future__ import annotations

from collections import deque

import numpy as np

__all__ = ["Trial"]

LENGTH, SHORT_LENGTH = 64, 16
"""So many pulses must keep the rate; the short length does for a slide of many ppb."""
EVERY = 8
GATE = 3.0
TOLERANCE_PPB = 1.0
"""What a receiver's own wander may do to the slope of so few pulses."""


class Trial:
    """The residuals of the latest pulses against the known rate."""

    def __init__(self, tick_hz: float, length: int = LENGTH) -> None:
        self._tick_hz = tick_hz
        self._length = length
        self._seen: deque[tuple[int, float]] = deque(maxlen=length)
        self._count = 0

    def passes(self, tick: int, residual_ns: float, variance: float, rate_variance: float) -> bool:
        """Take a pulse; whether all of the latest ones keep the rate, known to ``rate_variance`` (ppb^2)."""
        self._seen.append((tick, residual_ns))
        self._count += 1
        if len(self._seen) < self._length or self._count % EVERY:
            return False
        first = self._seen[0][0]
        times = np.array([(each - first) / self._tick_hz for each, _ in self._seen])
        times -= times.mean()
        spread = float(times @ times)
        slope_ppb = float(times @ np.array([residual for _, residual in self._seen])) / spread
        bound = GATE**2 * (variance / spread + rate_variance) + TOLERANCE_PPB**2
        return slope_ppb * slope_ppb < bound
