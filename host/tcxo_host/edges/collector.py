"""From records to seconds of edges: order, gaps, duplicates, restarts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from tcxo_protocol.records import Identify, Status
from tcxo_protocol.spec import EDGES_HEAD, struct_of

from .account import ChannelLedger, EdgeAccount, EdgesRecord
from .second import Board, Second

__all__ = ["ChannelLedger", "EdgeCollector"]

_DELTAS_AT = struct_of(EDGES_HEAD).size
_DELTA = np.dtype("<u4")


class EdgeCollector:
    """Collects edge records and closes a ``Second`` at each status record that the account admits.

    ``account`` says what is believed, and when the board is to be asked to identify itself. ``rates_hz`` as there.
    """

    def __init__(self, rates_hz: Mapping[str, float] | None = None) -> None:
        self.account = EdgeAccount(rates_hz)
        self.board: Board | None = None
        self.first_tick: int | None = None
        self._has_external = False

    @property
    def identify(self) -> Identify | None:
        """The board's identity, as it last sent it."""
        return self.account.identify

    @property
    def ledgers(self) -> dict[str, ChannelLedger]:
        """Each channel's account, by role."""
        return self.account.ledgers

    @property
    def needs_identify(self) -> bool:
        """True while nothing can be used until the board identifies itself."""
        return self.account.needs_identify

    def take_identify(self, record: Identify) -> bool:
        """Learn the board. True when its ticks begin anew."""
        if not self.account.take_identify(record):
            return False
        rates = {ledger.role: ledger.rate_hz for ledger in self.account.announced()}
        self.board = Board(record.board, record.boot_id, float(record.tick_hz), rates)
        self.first_tick = None
        self._has_external = False
        return True

    def take_edges(self, body: bytes) -> None:
        """Add the edges of one record. Raises ProtocolError when it cannot be a record of this board."""
        self.account.take_edges(body)

    def take_status(self, record: Status) -> Second | None:
        """Close the second. None when this status closes none, or while the board is unknown.

        Raises ProtocolError for a tick that no board reaches.
        """
        closed = self.account.take_status(record.tick)
        if closed is None:
            return None
        assert self.board is not None
        parts: dict[str, list[npt.NDArray[np.int64]]] = {role: [] for role in self.board.rate_hz}
        for each in closed.records:
            parts[each.ledger.role].append(_ticks(each))
        ticks = {role: _joined(arrays) for role, arrays in parts.items()}
        if self.first_tick is None:
            self.first_tick = min((int(each[0]) for each in ticks.values() if each.size), default=None)
        return Second(record.tick, ticks, closed.lost, self._temperature(record))

    def _temperature(self, record: Status) -> float | None:
        """The external sensor's reading, or the controller's on a board that has none.

        A sensor that fails is not replaced by the other, which would look like a jump of many degrees.
        """
        self._has_external = self._has_external or record.external_c is not None
        return record.external_c if self._has_external else record.mcu_c


def _ticks(record: EdgesRecord) -> npt.NDArray[np.int64]:
    ticks = np.empty(record.size, np.int64)
    ticks[0] = record.first
    if record.size > 1:
        deltas = np.frombuffer(record.body, _DELTA, offset=_DELTAS_AT)
        deltas.cumsum(dtype=np.int64, out=ticks[1:])
        ticks[1:] += record.first
    return ticks


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
