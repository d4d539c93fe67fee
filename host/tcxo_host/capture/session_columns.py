"""One start of one board as arrays, no Python object per edge. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from construct import Struct
from tcxo_protocol.records import Identify, Status, parse_body
from tcxo_protocol.spec import (
    EDGES_HEAD,
    STATUS_HEAD,
    TEMPERATURE_ABSENT,
    EdgeFlag,
    RecordType,
    role_name,
    struct_of,
)

from ..edges.account import ChannelLedger, Closed, EdgeAccount, EdgesRecord

__all__ = ["ChannelEdges", "Session", "SessionBuilder", "StatusColumns"]

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]

_CODES = {"B": "u1", "H": "<u2", "L": "<u4", "Q": "<u8", "h": "<i2", "q": "<i8"}
_COMPACT_AT = 20_000


def _dtype_of(declaration: Struct) -> np.dtype[np.void]:
    codes = struct_of(declaration).format[1:]
    return np.dtype(
        [(field.name, _CODES[code]) for field, code in zip(declaration.subcons, codes, strict=True)]
    )


_HEAD = _dtype_of(EDGES_HEAD)
_DELTA = np.dtype("<u4")
_STATUS_HEAD = _dtype_of(STATUS_HEAD)


@dataclass(frozen=True, slots=True)
class ChannelEdges:
    """One channel's edges over a session. ``numbers``: running number of each record's first edge, and
    ``starts`` its index in ``ticks``; ``flags`` are per record too."""

    role: str
    rate_hz: float
    ticks: Ticks
    starts: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    lost: int
    duplicates: int

    @property
    def overcaptures(self) -> int:
        """Records whose first edge came after an edge that was overwritten."""
        return int(np.count_nonzero(self.flags & EdgeFlag.OVERCAPTURE))

    @property
    def overflows(self) -> int:
        """Records whose first edge came after edges that found no room."""
        return int(np.count_nonzero(self.flags & EdgeFlag.OVERFLOW))


@dataclass(frozen=True, slots=True)
class StatusColumns:
    """The status records of a session, a row each; temperatures are NaN where absent."""

    utc_s: Floats
    tick: Ticks
    uptime_s: Ticks
    frames_dropped: Ticks
    mcu_c: Floats
    external_c: Floats

    @property
    def temperature_c(self) -> Floats:
        """What the pipeline uses: the external sensor from its first reading on, as ``EdgeCollector`` has it."""
        has_external = np.logical_or.accumulate(~np.isnan(self.external_c))
        return np.where(has_external, self.external_c, self.mcu_c)


@dataclass(frozen=True, slots=True)
class Session:
    """One start of one board. ``last_status`` holds its counters at the end."""

    identify: Identify
    first_utc_s: float
    channels: dict[str, ChannelEdges]
    status: StatusColumns
    last_status: Status | None

    @property
    def tick_hz(self) -> float:
        """Nominal counter rate."""
        return float(self.identify.tick_hz)

    def utc_of_tick(self, ticks: npt.NDArray[np.int64] | Floats) -> Floats:
        """When the board's counter stood so, by the status records; a line through their ends beyond."""
        status = self.status
        if status.tick.size == 0:
            return self.first_utc_s + np.asarray(ticks, np.float64) / self.tick_hz
        inside = np.interp(ticks, status.tick, status.utc_s)
        before = np.minimum(0.0, (np.asarray(ticks, np.float64) - status.tick[0]) / self.tick_hz)
        after = np.maximum(0.0, (np.asarray(ticks, np.float64) - status.tick[-1]) / self.tick_hz)
        return np.asarray(inside + before + after, np.float64)


class _Blobs:
    """Edge records of one channel, heads and deltas apart, joined now and then to stay small."""

    def __init__(self) -> None:
        self._heads: list[bytes] = []
        self._deltas: list[bytes] = []
        self._joined: list[tuple[bytes, npt.NDArray[np.int64], bytes]] = []

    def add(self, body: bytes) -> None:
        self._heads.append(body[: _HEAD.itemsize])
        self._deltas.append(body[_HEAD.itemsize :])
        if len(self._heads) >= _COMPACT_AT:
            self._compact()

    def _compact(self) -> None:
        sizes = np.fromiter(map(len, self._deltas), np.int64, len(self._deltas)) // _DELTA.itemsize
        self._joined.append((b"".join(self._heads), sizes, b"".join(self._deltas)))
        self._heads, self._deltas = [], []

    def arrays(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
        self._compact()
        heads = np.frombuffer(b"".join(part[0] for part in self._joined), _HEAD)
        sizes = np.concatenate([part[1] for part in self._joined])
        deltas = np.frombuffer(b"".join(part[2] for part in self._joined), _DELTA)
        self._joined = []
        return heads, sizes, deltas


class SessionBuilder:
    """Takes what the account lets through, second by second, and joins it at the end."""

    def __init__(self, identify: Identify, utc_s: float) -> None:
        self.identify = identify
        self._first_utc_s = utc_s
        self._blobs = {role_name(channel.role): _Blobs() for channel in identify.channels}
        self._status_heads: list[bytes] = []
        self._status_utc: list[float] = []
        self._last_status = b""

    def add(self, records: Iterable[EdgesRecord]) -> None:
        """Edge records that no status record closed: those at the session's end."""
        for record in records:
            self._blobs[record.ledger.role].add(record.body)

    def close(self, closed: Closed, status: bytes, utc_s: float) -> None:
        """A second, with the body of the status record that closed it."""
        self.add(closed.records)
        self._status_heads.append(status[: _STATUS_HEAD.itemsize])
        self._status_utc.append(utc_s)
        self._last_status = status

    def build(self, account: EdgeAccount) -> Session:
        """The whole session; ``account`` is the one that let its records through. Call once."""
        channels = {
            role: _channel_edges(account.ledgers[role], *blobs.arrays())
            for role, blobs in self._blobs.items()
        }
        last = parse_body(RecordType.STATUS, self._last_status) if self._last_status else None
        assert last is None or isinstance(last, Status)
        return Session(self.identify, self._first_utc_s, channels, self._status_columns(), last)

    def _status_columns(self) -> StatusColumns:
        heads = np.frombuffer(b"".join(self._status_heads), _STATUS_HEAD)
        return StatusColumns(
            np.array(self._status_utc),
            heads["tick"].astype(np.int64),
            heads["uptime_s"].astype(np.int64),
            heads["frames_dropped"].astype(np.int64),
            _celsius(heads["mcu_cdeg"]),
            _celsius(heads["external_cdeg"]),
        )


def _celsius(cdeg: npt.NDArray[np.int16]) -> Floats:
    return np.where(cdeg == TEMPERATURE_ABSENT, np.nan, cdeg / 100.0)


def _channel_edges(
    ledger: ChannelLedger,
    heads: npt.NDArray[np.void],
    sizes: npt.NDArray[np.int64],
    deltas: npt.NDArray[np.uint32],
) -> ChannelEdges:
    counts = sizes + 1
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts.size else counts
    ticks = np.ones(int(counts.sum()), np.int64)
    if counts.size:
        firsts = heads["tick"].astype(np.int64)
        is_delta = np.ones(ticks.size, bool)
        is_delta[starts] = False
        ticks[is_delta] = deltas
        del is_delta
        # each record's first edge steps from the last edge of the record before
        ticks[starts] = 0
        lasts = firsts + np.add.reduceat(ticks, starts)
        ticks[starts] = firsts - np.concatenate([[0], lasts[:-1]])
        np.cumsum(ticks, out=ticks)
    numbers = heads["number"].astype(np.int64)
    return ChannelEdges(
        ledger.role,
        ledger.rate_hz,
        ticks,
        starts,
        numbers,
        heads["flags"].copy(),
        ledger.lost,
        ledger.duplicates,
    )
