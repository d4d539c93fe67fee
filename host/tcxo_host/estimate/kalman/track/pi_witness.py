"""The Pi's clock as a witness between two pulses: did it move along? Then the counter did. Pure."""

from __future__ import annotations

from collections import deque

from ..filter.clock_model import PI_V
from ..filter.clocks import Clocks

__all__ = ["PiWitness"]

MOVED_PPB = 20.0
"""When the Pi's rate moved by more than this together with pulses that lean or are refused, the counter did."""
SURE = 5.0
"""A change is one beyond so many standard deviations: it may be just started anew."""


class PiWitness:
    """The Pi's rate at the latest ``pulses`` good pulses of a clock."""

    def __init__(self, pulses: int) -> None:
        self._rates: deque[float] = deque(maxlen=pulses)

    def note(self, clocks: Clocks) -> None:
        """A good pulse."""
        self._rates.append(clocks.filter.mean.item(PI_V))

    def leans_too(self, clocks: Clocks, residual_ns: float) -> bool:
        """Whether the Pi's rate moved a good deal, and to the same side as a pulse."""
        moved = self._moved_ppb(clocks)
        sure = moved * moved > SURE * SURE * float(clocks.filter.cov[PI_V, PI_V])
        return sure and abs(moved) > MOVED_PPB and moved * residual_ns > 0

    def moved_too(self, clocks: Clocks, slope_ppb: float) -> bool:
        """Whether the Pi's rate changed like that of the clock."""
        return abs(self._moved_ppb(clocks) - slope_ppb) < 0.5 * abs(slope_ppb)

    def _moved_ppb(self, clocks: Clocks) -> float:
        return float(clocks.filter.mean[PI_V]) - self._rates[0]
