"""Which tooth of a clock's comb of edges an edge is, and how far from its place. Pure.

A clock of nominal ``rate_hz`` makes an edge each time its reading is a whole number of periods. The
comb's anchor is a counter value near the latest good edge; a reading offset u (ns) belongs to the anchor:
reading at tick g = (g - anchor) / tick_hz + u. Moving the anchor from edge to edge keeps u a few
nanoseconds for ever, so that no 64-bit tick is ever squeezed into a float.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Comb"]


@dataclass(slots=True)
class Comb:
    """The comb of one channel."""

    tick_hz: float
    rate_hz: float
    anchor: int = 0
    teeth: int = 0
    """Teeth passed by the anchor since the comb was made."""

    def residual_ns(self, tick: int, offset_ns: float) -> float:
        """How much later than predicted (in the clock's reading) the nearest tooth is than ``tick``.

        ``offset_ns`` is the predicted reading offset at ``tick``. This is the innovation of a
        measurement of u: + when the clock reads more than predicted. At most half a period.
        """
        elapsed_s = (tick - self.anchor) / self.tick_hz
        tooth = round((elapsed_s + offset_ns * 1e-9) * self.rate_hz)
        return (tooth / self.rate_hz - elapsed_s) * 1e9 - offset_ns

    def move(self, tick: int, offset_ns: float) -> float:
        """Make the edge at ``tick`` the anchor. Returns what is to be added to u, ns."""
        elapsed_s = (tick - self.anchor) / self.tick_hz
        tooth = round((elapsed_s + offset_ns * 1e-9) * self.rate_hz)
        self.anchor = tick
        self.teeth += tooth
        return (elapsed_s - tooth / self.rate_hz) * 1e9
