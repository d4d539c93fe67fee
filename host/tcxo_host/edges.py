"""From records to seconds of edges: order, gaps, duplicates, restarts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tcxo_protocol.records import Identify, ProtocolError, Status
from tcxo_protocol.spec import EDGES_HEAD, EdgeFlag, role_name, struct_of

from .estimate.interface import Board, Second

__all__ = ["ChannelLedger", "EdgeCollector"]

_HEAD = struct_of(EDGES_HEAD)
_DELTA = np.dtype("<u4")
_NO_DELTA = bytes(_DELTA.itemsize)
# An unsigned 64-bit tick above this is no count any board can reach, and would not fit the int64 arithmetic.
_MAX_TICK = 1 << 62


@dataclass(slots=True)
class ChannelLedger:
    """One channel's account since the collector was made; it survives restarts of the board."""

    role: str
    rate_hz: float
    seen: int = 0
    lost: int = 0
    duplicates: int = 0
    overcaptures: int = 0
    overflows: int = 0
    last_tick: int | None = None
    next_number: int | None = None


class EdgeCollector:
    """Collects edge records and closes a ``Second`` at each status record.

    Until an identify record has come, nothing can be interpreted: ``needs_identify`` is true and all else
    is ignored. It also turns true when ticks run backwards, which is a repeated frame or a board that
    restarted unseen; the stale data are dropped and the next identify record tells which.
    """

    def __init__(self) -> None:
        self.board: Board | None = None
        self.identify: Identify | None = None
        self.ledgers: dict[str, ChannelLedger] = {}
        self.needs_identify = True
        self.first_tick: int | None = None
        self._has_external = False
        self._by_id: dict[int, ChannelLedger] = {}
        self._pending: dict[str, list[npt.NDArray[np.int64]]] = {}
        self._lost_now: dict[str, int] = {}
        self._last_status_tick = -1

    def take_identify(self, record: Identify) -> bool:
        """Learn the board. True when it is another board or another start of it: ticks begin anew."""
        self.needs_identify = False
        known = self.identify
        if known is not None and (known.boot_id, known.channels, known.tick_hz) == (
            record.boot_id,
            record.channels,
            record.tick_hz,
        ):
            return False
        self.identify = record
        self._by_id = {}
        for channel in record.channels:
            role = role_name(channel.role)
            ledger = self.ledgers.setdefault(role, ChannelLedger(role, channel.rate_mhz / 1000))
            ledger.rate_hz = channel.rate_mhz / 1000
            ledger.last_tick = ledger.next_number = None
            self._by_id[channel.id] = ledger
        rates = {ledger.role: ledger.rate_hz for ledger in self._by_id.values()}
        self.board = Board(record.board, record.boot_id, float(record.tick_hz), rates)
        self._pending = {role: [] for role in rates}
        self._lost_now = {}
        self._last_status_tick = -1
        self.first_tick = None
        self._has_external = False
        return True

    def link_interrupted(self) -> None:
        """The line was closed or long silent: who is there now is not known until identified."""
        self.needs_identify = True

    def take_edges(self, body: bytes) -> None:
        """Add the edges of one record. Raises ProtocolError when the body is no edges record."""
        if self.needs_identify:
            return
        if len(body) < _HEAD.size or (len(body) - _HEAD.size) % _DELTA.itemsize:
            raise ProtocolError(f"edges record of {len(body)} bytes")
        channel, flags, number, tick = _HEAD.unpack_from(body)
        ledger = self._by_id.get(channel)
        if ledger is None:
            raise ProtocolError(f"edges of channel {channel}, which the board did not announce")
        ticks = _ticks(tick, body) if tick <= _MAX_TICK else None
        if ticks is None:
            raise ProtocolError(f"edges of channel {channel} whose ticks do not increase")
        self._append(ledger, number, flags, ticks)

    def take_status(self, record: Status) -> Second | None:
        """Close the second. None for a repeated record, or while the board is unknown."""
        if self.needs_identify:
            return None
        if record.tick <= self._last_status_tick:
            self.needs_identify = record.tick < self._last_status_tick
            return None
        self._last_status_tick = record.tick
        self._drop_future(record.tick)
        ticks = {role: _joined(parts) for role, parts in self._pending.items()}
        if self.first_tick is None:
            self.first_tick = min((int(each[0]) for each in ticks.values() if each.size), default=None)
        second = Second(record.tick, ticks, self._lost_now, self._temperature(record))
        self._pending = {role: [] for role in self._pending}
        self._lost_now = {}
        return second

    def _drop_future(self, tick_now: int) -> None:
        """Drop edges from far after the status that follows them: the counter was extended wrongly.

        Left in, they would make every later edge a stale one, and a dead channel look young.
        """
        assert self.board is not None
        latest = tick_now + int(self.board.tick_hz)  # some edges overtake the status by a little
        for role, parts in self._pending.items():
            good = [part for part in parts if int(part[-1]) <= latest]
            if len(good) < len(parts):
                dropped = sum(part.size for part in parts) - sum(part.size for part in good)
                ledger = self.ledgers[role]
                ledger.last_tick = int(good[-1][-1]) if good else None
                ledger.seen -= dropped
                ledger.lost += dropped
                self._lost_now[role] = self._lost_now.get(role, 0) + dropped
                self._pending[role] = good

    def _temperature(self, record: Status) -> float | None:
        """The external sensor's reading, or the controller's on a board that has none.

        A sensor that fails is not replaced by the other, which would look like a jump of many degrees.
        """
        self._has_external = self._has_external or record.external_c is not None
        return record.external_c if self._has_external else record.mcu_c

    def _append(self, ledger: ChannelLedger, number: int, flags: int, ticks: npt.NDArray[np.int64]) -> None:
        if ledger.next_number is not None and ledger.last_tick is not None:
            ahead = (number - ledger.next_number) & 0xFFFFFFFF
            if int(ticks[0]) <= ledger.last_tick or ahead >= 1 << 31:
                ledger.duplicates += ticks.size
                self.needs_identify = int(ticks[-1]) < ledger.last_tick
                return
            ledger.lost += ahead
            if ahead:
                self._lost_now[ledger.role] = self._lost_now.get(ledger.role, 0) + ahead
        if flags:
            ledger.overcaptures += bool(flags & EdgeFlag.OVERCAPTURE)
            ledger.overflows += bool(flags & EdgeFlag.OVERFLOW)
        ledger.seen += ticks.size
        ledger.last_tick = int(ticks[-1])
        ledger.next_number = (number + ticks.size) & 0xFFFFFFFF
        self._pending[ledger.role].append(ticks)


def _ticks(tick: int, body: bytes) -> npt.NDArray[np.int64] | None:
    """The record's ticks; None when they do not increase."""
    if len(body) == _HEAD.size:
        return np.array((tick,), np.int64)
    deltas = np.frombuffer(body, _DELTA, offset=_HEAD.size)
    # Four zero bytes are rarely there, and far cheaper to look for than a zero among the numbers.
    if _NO_DELTA in body and not deltas.all():
        return None
    ticks = np.empty(deltas.size + 1, np.int64)
    ticks[0] = tick
    deltas.cumsum(dtype=np.int64, out=ticks[1:])
    ticks[1:] += tick
    return ticks


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
