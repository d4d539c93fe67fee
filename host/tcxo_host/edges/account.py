"""Which records of a board can be believed, and how many edges are missing between them. Pure.

The daemon (``edges``) and captures read in bulk (``capture.columns``) both keep their accounts here, so that
they cannot differ. Nothing is judged before a status record closes the second: only then is it known where the
board's counter stands, and what lies far from there is dropped and has no effect on what comes after it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcxo_protocol.records import Identify, ProtocolError
from tcxo_protocol.spec import EDGES_HEAD, EdgeFlag, role_name, struct_of

from .status_gate import StatusGate

__all__ = ["SILENCE_NS", "ChannelLedger", "Closed", "EdgeAccount", "EdgesRecord"]

SILENCE_NS = 10_000_000_000
"""After this long without a frame the board may have been restarted or exchanged unseen."""
_HEAD = struct_of(EDGES_HEAD)
_DELTA_BYTES = 4
# An unsigned 64-bit tick above this is not a count that a board can reach, and would not fit the int64 arithmetic.
MAX_TICK = 1 << 62
WAIT_S = 16
"""Edges this much older than the status that closes their second are dropped..."""
WAITING_EDGES, WAITING_RECORDS = 65_536, 8_192
"""...and all that wait when there are more (1 kHz on four channels for 16 s, or a flag at every second edge)."""
FASTEST_HZ = 100_000
"""No board counts edges faster: a number that is further ahead is not a count of lost edges."""
_NUMBERS = 1 << 32


@dataclass(slots=True)
class ChannelLedger:
    """One channel's account since it was begun; it survives restarts of the board."""

    role: str
    rate_hz: float
    seen: int = 0
    lost: int = 0
    duplicates: int = 0
    overcaptures: int = 0
    overflows: int = 0
    last_tick: int | None = None
    next_number: int | None = None


class EdgesRecord(NamedTuple):
    """One edges record that waits for its second's end: ``size`` edges, ``first`` to ``last`` tick."""

    ledger: ChannelLedger
    flags: int
    number: int
    size: int
    first: int
    last: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The records of a closed second that are news, each channel's in increasing order of ticks.

    ``lost``: edges known to be missing, by role.
    """

    records: list[EdgesRecord]
    lost: dict[str, int]


class EdgeAccount:
    """Takes records as they come, from the identify record on; until that has come all others are ignored.

    ``needs_identify`` also turns true when the link was interrupted, when the board sends an identity that
    cannot be used, or when its ticks contradict all earlier ones. If it then says that it is the same board
    in the same run, its ticks are taken to have started anew. ``rates_hz``: nominal edges a second, by role, that are
    known better than the board knows them.
    """

    def __init__(self, rates_hz: Mapping[str, float] | None = None) -> None:
        self._rates_hz = rates_hz or {}
        self.identify: Identify | None = None
        self.ledgers: dict[str, ChannelLedger] = {}
        self.needs_identify = True
        self._gate = StatusGate(1)
        self._odd_numbers = False
        self._by_id: dict[int, ChannelLedger] = {}
        self._waiting: list[EdgesRecord] = []
        self._waiting_edges = 0

    @property
    def wants_identify(self) -> bool:
        """True when the board should be asked to identify itself: it must, or something hints at another board."""
        return self.needs_identify or self._odd_numbers or self._gate.is_suspicious

    @property
    def doubt(self) -> str:
        """Why the board's status records close no second; empty while they do, or when none come."""
        return self._gate.doubt

    def begins_anew(self, record: Identify) -> bool:
        """Whether ticks begin anew with this record: another board, another start, or contradictory ticks."""
        known = self.identify
        same = known is not None and (known.boot_id, known.channels, known.tick_hz) == (
            record.boot_id,
            record.channels,
            record.tick_hz,
        )
        return not same or self._gate.is_contradicted

    def take_identify(self, record: Identify) -> bool:
        """Learn the board. True when ticks begin anew (``begins_anew``); what waits is counted, in no second."""
        anew = self.begins_anew(record)
        if not anew and self.needs_identify:
            self._gate.expect_gap()
        self.needs_identify = self._odd_numbers = False
        if not anew:
            return False
        self.flush()
        self.identify = record
        self._by_id = {}
        for channel in record.channels:
            role = role_name(channel.role)
            rate_hz = self._rates_hz.get(role, channel.rate_mhz / 1000)
            ledger = self.ledgers.setdefault(role, ChannelLedger(role, rate_hz))
            ledger.rate_hz = rate_hz
            ledger.last_tick = ledger.next_number = None
            self._by_id[channel.id] = ledger
        self._gate = StatusGate(record.tick_hz)
        return True

    def announced(self) -> list[ChannelLedger]:
        """The ledgers of the channels that the board announced."""
        return list(self._by_id.values())

    def must_identify(self) -> None:
        """From now on the board is unknown until it identifies itself."""
        self.needs_identify = True

    def take_edges(self, body: bytes) -> None:
        """Let the edges of one record wait. Raises ProtocolError when it cannot be a record of this board."""
        if self.needs_identify:
            return
        count, rest = divmod(len(body) - _HEAD.size, _DELTA_BYTES)
        if count < 0 or rest:
            raise ProtocolError(f"edges record of {len(body)} bytes")
        channel, flags, number, first = _HEAD.unpack_from(body)
        ledger = self._by_id.get(channel)
        if ledger is None:
            raise ProtocolError(f"edges of channel {channel}, which the board did not announce")
        last = first
        if count:
            deltas = struct.unpack_from(f"<{count}L", body, _HEAD.size)
            last += sum(deltas)
            if 0 in deltas:
                raise ProtocolError(f"edges of channel {channel} whose ticks do not increase")
        if last > MAX_TICK:
            raise ProtocolError(f"edges of channel {channel} at tick {last}, which no board reaches")
        self._waiting_edges += count + 1
        if self._waiting_edges > WAITING_EDGES or len(self._waiting) >= WAITING_RECORDS:
            self._drop_waiting()
            self._waiting_edges = count + 1
        self._waiting.append(EdgesRecord(ledger, flags, number, count + 1, first, last, body))

    def take_status(self, tick: int) -> Closed | None:
        """Close the second. None when this status closes none, or while the board is unknown.

        Raises ProtocolError for a tick that no board reaches.
        """
        if self.needs_identify:
            return None
        if tick > MAX_TICK:
            raise ProtocolError(f"status at tick {tick}, which no board reaches")
        if not self._gate.admits(tick):
            self.needs_identify = self._gate.is_contradicted
            return None
        assert self.identify is not None
        hz = self.identify.tick_hz
        return self._close(tick - WAIT_S * hz, tick + hz)  # some edges overtake the status by a little

    def flush(self) -> Closed:
        """What waits for a status that does not come: another board is there, or a capture ends."""
        last = self._gate.last
        hz = self.identify.tick_hz if self.identify else 0
        return self._close(0, MAX_TICK if last is None else last + WAIT_S * hz)

    def _close(self, earliest: int, latest: int) -> Closed:
        news: list[EdgesRecord] = []
        lost: dict[str, int] = {}
        for record in self._waiting:
            ledger = record.ledger
            if ledger.last_tick is not None and record.first <= ledger.last_tick:
                ledger.duplicates += record.size
            elif record.first >= earliest and record.last <= latest:
                missing = self._missing(record)
                if missing:
                    lost[ledger.role] = lost.get(ledger.role, 0) + missing
                self._believe(record, missing)
                news.append(record)
        self._waiting = []
        self._waiting_edges = 0
        return Closed(news, lost)

    def _missing(self, record: EdgesRecord) -> int:
        """How many edges the numbers say are missing before this record; none when they cannot be counts."""
        ledger = record.ledger
        if ledger.next_number is None:
            return 0
        ahead = (record.number - ledger.next_number) % _NUMBERS
        if ledger.last_tick is not None and self.identify is not None:
            # the ticks say that it is new: the number alone does not make it a repetition
            most = (record.first - ledger.last_tick) * FASTEST_HZ // self.identify.tick_hz
            if ahead > most + 1:
                self._odd_numbers = True
                return 0
        return ahead

    @staticmethod
    def _believe(record: EdgesRecord, missing: int) -> None:
        ledger = record.ledger
        ledger.lost += missing
        if record.flags:
            ledger.overcaptures += bool(record.flags & EdgeFlag.OVERCAPTURE)
            ledger.overflows += bool(record.flags & EdgeFlag.OVERFLOW)
        ledger.seen += record.size
        ledger.last_tick = record.last
        ledger.next_number = (record.number + record.size) % _NUMBERS

    def _drop_waiting(self) -> None:
        """Give up what waits. The numbers of later records then count it as lost, from the first one on."""
        for record in self._waiting:
            if record.ledger.next_number is None:
                record.ledger.next_number = record.number
        self._waiting = []
        self._waiting_edges = 0
