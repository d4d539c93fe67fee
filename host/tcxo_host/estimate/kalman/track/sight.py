"""What a second of the Pi's edges showed, for those who learn from it and those who judge by it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["NOTABLE_PPB", "Sight", "Turn"]

NOTABLE_PPB = 5.0
"""A smaller change of the Pi's rate within a second is no turn, unless it surprises."""


class Sight(NamedTuple):
    """The mean residual (ns) of a block against what was predicted at its ``start``, and that prediction.

    ``variance`` is the measurement's, ns^2; offset, rate and drift as in the joint state.
    """

    start: int
    anchor: int
    teeth: int
    residual: float
    variance: float
    offset: float
    rate: float
    drift: float

    def reading_ns(self, tick: int, tick_hz: float) -> float:
        """The clock's reading offset, relative to ``teeth`` and ``anchor``, seen at a tick in the block."""
        t = (tick - self.start) / tick_hz
        return self.residual + self.offset + t * (self.rate + 0.5 * t * self.drift)


@dataclass(frozen=True, slots=True)
class Turn:
    """The Pi's rate changed by ``change_ppb`` within a second, at about counter value ``tick``: by itself, or
    because it was the counter's that did. ``surprising``: by more than its noise explains."""

    tick: int
    change_ppb: float
    surprising: bool
