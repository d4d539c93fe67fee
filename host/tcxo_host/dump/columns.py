"""A capture as arrays: what a day needs to be looked at in seconds. Pure.

``EdgeCollector`` goes edge record by edge record and is what the daemon lives by; this module keeps the
same account in bulk, so that no Python object exists per edge.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from construct import Struct
from tcxo_protocol.capture_file import Entry, EntryKind, parse_clock, parse_line
from tcxo_protocol.records import (
    Identify,
    ProtocolError,
    Status,
    Text,
    VersionMismatch,
    iter_bodies,
    parse_body,
)
from tcxo_protocol.spec import (
    EDGES_HEAD,
    STATUS,
    TEMPERATURE_ABSENT,
    EdgeFlag,
    RecordType,
    role_name,
    struct_of,
)

from ..pipeline import SILENCE_NS

__all__ = ["Capture", "ChannelEdges", "Loader", "Session", "StatusColumns", "load"]

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
_STATUS_HEAD = _dtype_of(Struct(*STATUS.subcons[:-1]))
_TICK = struct.Struct("<Q")
_TICK_AT, _STATUS_TICK_AT = (int(dtype.fields["tick"][1]) for dtype in (_HEAD, _STATUS_HEAD))  # type: ignore[index]


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


@dataclass(slots=True)
class Capture:
    """Everything a capture holds. Times are UTC seconds of the recording host."""

    sessions: list[Session] = field(default_factory=list)
    first_utc_s: float | None = None
    last_utc_s: float | None = None
    frames: int = 0
    bad_records: int = 0
    ignored_records: int = 0
    """Edges and status records that came while the board was not identified."""
    link_openings: int = 0
    bad_frames: int = 0
    lost_frames: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Silence of the link over two seconds: when it began, how long."""
    log: list[tuple[float, str]] = field(default_factory=list)
    """What happened, for people."""


GAP_NS = 2_000_000_000


def load(entries: Iterable[Entry]) -> Capture:
    """Read all entries. Raises VersionMismatch for the capture of a board of another protocol."""
    loader = Loader()
    for entry in entries:
        loader.take(entry)
    return loader.finish()


class Loader:
    """Takes entries one by one, for those who need them for something else as well."""

    def __init__(self) -> None:
        self.capture = Capture()
        self._offset_ns = 0
        self._last_ns: int | None = None
        self._needs_identify = True
        self._session: _SessionBuilder | None = None
        self._line = (0, 0)

    def take(self, entry: Entry) -> None:
        kind = entry.kind
        if kind == EntryKind.FRAME:
            self._frame(entry)
        elif kind == EntryKind.CLOCK:
            host_ns, realtime_ns = parse_clock(entry.body)
            self._offset_ns = realtime_ns - host_ns
        elif kind == EntryKind.LINK_OPENED:
            self.capture.link_openings += 1
            self._needs_identify = True
            self._line = (0, 0)
            self._say(entry.host_ns, "link opened")
        elif kind == EntryKind.LINE:
            bad, lost, _ = parse_line(entry.body)
            before_bad, before_lost = self._line
            self.capture.bad_frames += max(0, bad - before_bad)
            self.capture.lost_frames += max(0, lost - before_lost)
            self._line = (bad, lost)
        elif kind == EntryKind.NOTE:
            self._say(entry.host_ns, entry.body.decode(errors="replace"))

    def finish(self) -> Capture:
        self._close_session()
        return self.capture

    def _utc_s(self, host_ns: int) -> float:
        return (host_ns + self._offset_ns) / 1e9

    def _say(self, host_ns: int, text: str) -> None:
        self.capture.log.append((self._utc_s(host_ns), text))

    def _frame(self, entry: Entry) -> None:
        capture, host_ns = self.capture, entry.host_ns
        utc_s = self._utc_s(host_ns)
        capture.frames += 1
        if capture.first_utc_s is None:
            capture.first_utc_s = utc_s
        elif self._last_ns is not None and host_ns - self._last_ns > GAP_NS:
            gap_s = (host_ns - self._last_ns) / 1e9
            capture.gaps.append((self._utc_s(self._last_ns), gap_s))
            self._say(self._last_ns, f"nothing from the board for {gap_s:.1f} s")
            self._needs_identify |= host_ns - self._last_ns > SILENCE_NS
        self._last_ns = host_ns
        capture.last_utc_s = utc_s
        try:
            for kind, body in iter_bodies(entry.body):
                self._record(kind, body, host_ns, utc_s)
        except VersionMismatch:
            raise
        except ProtocolError:
            capture.bad_records += 1

    def _record(self, kind: int, body: bytes, host_ns: int, utc_s: float) -> None:
        if kind in (RecordType.EDGES, RecordType.STATUS):
            if self._needs_identify or self._session is None:
                self.capture.ignored_records += 1
            elif kind == RecordType.EDGES:
                self._session.edges(body)
            else:
                self._session.status(body, utc_s)
            return
        record = parse_body(kind, body)
        if isinstance(record, Identify):
            self._identified(record, host_ns, utc_s)
        elif isinstance(record, Text):
            self._say(host_ns, f"board says: {record.text}")

    def _identified(self, record: Identify, host_ns: int, utc_s: float) -> None:
        self._needs_identify = False
        known = self._session.identify if self._session else None
        key = (record.boot_id, record.channels, record.tick_hz)
        if known is not None and (known.boot_id, known.channels, known.tick_hz) == key:
            return
        self._close_session()
        self._session = _SessionBuilder(record, utc_s)
        self._say(
            host_ns,
            f"board {record.board}, firmware {record.firmware_version}, boot {record.boot_id:08x},"
            f" {record.tick_hz} Hz",
        )

    def _close_session(self) -> None:
        if self._session is not None:
            self.capture.sessions.append(self._session.build())
            self.capture.bad_records += self._session.bad_records
        self._session = None


class _Blobs:
    """Edge records of one channel, heads and deltas apart, joined now and then to stay small."""

    def __init__(self) -> None:
        self._heads: list[bytes] = []
        self._deltas: list[bytes] = []
        self._checked = 0
        self._joined: list[tuple[bytes, npt.NDArray[np.int64], bytes]] = []

    def add(self, body: bytes) -> None:
        self._heads.append(body[: _HEAD.itemsize])
        self._deltas.append(body[_HEAD.itemsize :])
        if len(self._heads) >= _COMPACT_AT:
            self._compact()

    def drop_after(self, tick: int) -> None:
        """Forget the records since the last call that begin later than ``tick``."""
        late = [
            index
            for index in range(self._checked, len(self._heads))
            if _TICK.unpack_from(self._heads[index], _TICK_AT)[0] > tick
        ]
        for index in reversed(late):
            del self._heads[index], self._deltas[index]
        self._checked = len(self._heads)

    def _compact(self) -> None:
        sizes = np.fromiter(map(len, self._deltas), np.int64, len(self._deltas)) // _DELTA.itemsize
        self._joined.append((b"".join(self._heads), sizes, b"".join(self._deltas)))
        self._heads, self._deltas = [], []
        self._checked = 0

    def arrays(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
        self._compact()
        heads = np.frombuffer(b"".join(part[0] for part in self._joined), _HEAD)
        sizes = np.concatenate([part[1] for part in self._joined])
        deltas = np.frombuffer(b"".join(part[2] for part in self._joined), _DELTA)
        self._joined = []
        return heads, sizes, deltas


class _SessionBuilder:
    def __init__(self, identify: Identify, utc_s: float) -> None:
        self.identify = identify
        self.bad_records = 0
        self._first_utc_s = utc_s
        self._blobs = {channel.id: _Blobs() for channel in identify.channels}
        self._status_heads: list[bytes] = []
        self._status_utc: list[float] = []
        self._last_status = b""
        self._newest_tick = -1

    def edges(self, body: bytes) -> None:
        blobs = self._blobs.get(body[0]) if body else None
        if blobs is None or len(body) < _HEAD.itemsize or (len(body) - _HEAD.itemsize) % _DELTA.itemsize:
            self.bad_records += 1
        else:
            blobs.add(body)

    def status(self, body: bytes, utc_s: float) -> None:
        if len(body) < _STATUS_HEAD.itemsize:
            self.bad_records += 1
            return
        (tick,) = _TICK.unpack_from(body, _STATUS_TICK_AT)
        if tick > self._newest_tick:
            # Edges far after the status that follows them were extended wrongly, and would silence the rest.
            self._newest_tick = tick
            for blobs in self._blobs.values():
                blobs.drop_after(tick + self.identify.tick_hz)
        self._status_heads.append(body[: _STATUS_HEAD.itemsize])
        self._status_utc.append(utc_s)
        self._last_status = body

    def build(self) -> Session:
        channels = {}
        for channel in self.identify.channels:
            role = role_name(channel.role)
            channels[role] = _channel_edges(role, channel.rate_mhz / 1000, *self._blobs[channel.id].arrays())
        last = parse_body(RecordType.STATUS, self._last_status) if self._last_status else None
        assert last is None or isinstance(last, Status)
        return Session(self.identify, self._first_utc_s, channels, self._status_columns(), last)

    def _status_columns(self) -> StatusColumns:
        heads = np.frombuffer(b"".join(self._status_heads), _STATUS_HEAD)
        utc_s = np.array(self._status_utc)
        tick = heads["tick"].astype(np.int64)
        # repeated and stale status records would make the clock run backwards
        keep = (
            tick > np.concatenate([[-1], np.maximum.accumulate(tick)[:-1]]) if tick.size else np.ones(0, bool)
        )
        heads = heads[keep]
        return StatusColumns(
            utc_s[keep],
            tick[keep],
            heads["uptime_s"].astype(np.int64),
            heads["frames_dropped"].astype(np.int64),
            _celsius(heads["mcu_cdeg"]),
            _celsius(heads["external_cdeg"]),
        )


def _celsius(cdeg: npt.NDArray[np.int16]) -> Floats:
    return np.where(cdeg == TEMPERATURE_ABSENT, np.nan, cdeg / 100.0)


def _channel_edges(
    role: str,
    rate_hz: float,
    heads: npt.NDArray[np.void],
    sizes: npt.NDArray[np.int64],
    deltas: npt.NDArray[np.uint32],
) -> ChannelEdges:
    counts = sizes + 1
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts.size else counts
    ticks = np.ones(int(counts.sum()), np.int64)
    firsts = heads["tick"].astype(np.int64)
    if counts.size:
        is_delta = np.ones(ticks.size, bool)
        is_delta[starts] = False
        ticks[is_delta] = deltas
        del is_delta
        # each record's first edge steps from the last edge of the record before
        ticks[starts] = 0
        lasts = firsts + np.add.reduceat(ticks, starts)
        ticks[starts] = firsts - np.concatenate([[0], lasts[:-1]])
        np.cumsum(ticks, out=ticks)
    else:
        lasts = firsts
    numbers = heads["number"].astype(np.int64)
    keep, lost = _account(firsts, lasts, numbers, counts)
    duplicates = 0
    if not keep.all():
        duplicates = int(counts[~keep].sum())
        ticks = ticks[np.repeat(keep, counts)]
        heads, numbers, counts = heads[keep], numbers[keep], counts[keep]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts.size else counts
    return ChannelEdges(role, rate_hz, ticks, starts, numbers, heads["flags"].copy(), lost, duplicates)


def _account(firsts: Ticks, lasts: Ticks, numbers: Ticks, counts: Ticks) -> tuple[npt.NDArray[np.bool_], int]:
    """Which records are news, and how many edges are missing between them; as ``EdgeCollector`` has it."""
    keep = np.ones(firsts.size, bool)
    if firsts.size < 2:
        return keep, 0
    ahead = (numbers[1:] - numbers[:-1] - counts[:-1]) & 0xFFFFFFFF
    if (firsts[1:] > lasts[:-1]).all() and (ahead < 1 << 31).all():
        return keep, int(ahead.sum())
    lost, previous = 0, 0
    for index in range(1, firsts.size):
        gap = int(numbers[index] - numbers[previous] - counts[previous]) & 0xFFFFFFFF
        keep[index] = firsts[index] > lasts[previous] and gap < 1 << 31
        if keep[index]:
            lost += gap
            previous = index
    return keep, lost
