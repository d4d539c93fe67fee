"""The measured rate of each channel's edges over the last seconds. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from .collector import ChannelLedger

__all__ = ["WINDOW_S", "EdgeRates"]

WINDOW_S = 10


class EdgeRates:
    """Edges a second of each channel, between its last edge and the one seen ``WINDOW_S`` seconds before."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int | None, int]]] = {}

    def take(self, ledgers: Mapping[str, ChannelLedger], tick_hz: float) -> dict[str, float | None]:
        """The rates (Hz of the board's counter) at the end of a second; None while they are not known.

        A channel without a new edge in the window has rate 0; a board that restarts begins anew.
        """
        return {role: self._rate(ledger, tick_hz) for role, ledger in ledgers.items()}

    def _rate(self, ledger: ChannelLedger, tick_hz: float) -> float | None:
        history = self._seen.setdefault(ledger.role, deque(maxlen=WINDOW_S + 1))
        if history and not _follows(history[-1][0], ledger.last_tick):
            history.clear()
        history.append((ledger.last_tick, ledger.seen))
        (first_tick, first_seen), (last_tick, last_seen) = history[0], history[-1]
        if first_tick is None or last_tick is None:
            return None
        if last_tick == first_tick:
            return 0.0 if len(history) > WINDOW_S else None
        return (last_seen - first_seen) / (last_tick - first_tick) * tick_hz


def _follows(before: int | None, now: int | None) -> bool:
    return before is not None and now is not None and now >= before
