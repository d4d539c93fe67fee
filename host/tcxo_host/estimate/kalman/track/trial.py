"""Pulses that are not believed: do they keep the rate that is known? Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np

__all__ = ["Trial", "slope_ppb"]

LENGTH, SHORT_LENGTH = 64, 16
"""So many pulses must keep the rate; the short length does for a slide of many ppb."""
EVERY = 8
GATE = 3.0
STEADY_NS = 1000.0
"""From one second to the next no oscillator is off by more, but a glitch is."""
TOLERANCE_PPB = 1.0
"""What a receiver's own wander may do to the slope of so few pulses."""


def slope_ppb(seen: Collection[tuple[int, float]], tick_hz: float) -> tuple[float, float]:
    """Slope of (tick, residual in ns) pairs by least squares, and what divides a pulse's variance in its own, s^2."""
    ticks, residuals = zip(*seen, strict=True)
    times = np.array([(tick - ticks[0]) / tick_hz for tick in ticks])
    times -= times.mean()
    spread = float(times @ times)
    return float(times @ np.array(residuals)) / spread, spread


class Trial:
    """The residuals of the latest pulses against the known rate.

    ``rate_variance``: of the known rate, ppb^2, when it began: what the Pi does later must not let pulses pass.
    ``rate_ppb``: what they told of the rate, less the known one, when it began; ``unwitnessed_ppb``: by how much
    the rate changed when nobody could tell who moved; 0: somebody told.
    """

    def __init__(
        self,
        tick_hz: float,
        rate_variance: float,
        length: int = LENGTH,
        rate_ppb: float = 0.0,
        unwitnessed_ppb: float = 0.0,
    ) -> None:
        self._tick_hz = tick_hz
        self._rate_variance = rate_variance
        self._length = length
        self._seen: deque[tuple[int, float]] = deque(maxlen=length)
        self._count = 0
        self.rate_ppb = rate_ppb
        """The pulses' rate less the known one."""
        self.disagreement_ppb = unwitnessed_ppb
        """By how much (ppb) the known rate may be wrong after all, as nobody can tell; 0: it is not."""

    @property
    def latest(self) -> tuple[int, float]:
        """The latest pulse and its residual, ns."""
        return self._seen[-1]

    def is_steady(self, residual_ns: float) -> bool:
        """Whether a pulse goes on from the one before without a step of the phase."""
        return not self._seen or abs(residual_ns - self._seen[-1][1]) < STEADY_NS

    def passes(self, tick: int, residual_ns: float, variance: float, walked: float) -> bool:
        """Take a pulse; whether all of the latest ones keep the rate. ``walked``: what the known rate's variance
        gained since the trial began, ppb^2."""
        self._seen.append((tick, residual_ns))
        self._count += 1
        if len(self._seen) < SHORT_LENGTH or self._count % EVERY:
            return False
        self.rate_ppb, spread = slope_ppb(self._seen, self._tick_hz)
        if self.disagreement_ppb:
            self.disagreement_ppb = abs(self.rate_ppb)
        bound = GATE**2 * (variance / spread + self._rate_variance + walked) + TOLERANCE_PPB**2
        return len(self._seen) == self._length and self.rate_ppb**2 < bound
