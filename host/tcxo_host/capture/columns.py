"""A capture as arrays: what a day needs to be looked at in seconds. Pure.

What is believed and what is missing is decided by ``EdgeAccount``, as in the daemon; here the records that it
lets through are joined in bulk, so that no Python object exists per edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from construct import Struct
from tcxo_protocol.capture_file import Entry, EntryKind, parse_clock, parse_line
from tcxo_protocol.records import (
    Identify,
    IdentityError,
    ProtocolError,
    Status,
    Text,
    iter_bodies,
    parse_body,
    printable,
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

from ..edges.account import SILENCE_NS, ChannelLedger, Closed, EdgeAccount, EdgesRecord

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
MOST_LOG_LINES = 10_000


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
    """What happened, for people: the first ``MOST_LOG_LINES``; ``log_left_out`` more are not kept."""
    log_left_out: int = 0


GAP_NS = 2_000_000_000


def load(entries: Iterable[Entry]) -> Capture:
    """Read all entries. Raises IdentityError when no board in it can be used, and one told why."""
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
        self._account = EdgeAccount()
        self._session: _SessionBuilder | None = None
        self._refusal: IdentityError | None = None
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
            self._account.must_identify()
            self._line = (0, 0)
            self._say(entry.host_ns, "link opened")
        elif kind == EntryKind.LINE:
            bad, lost, _ = parse_line(entry.body)
            before_bad, before_lost = self._line
            self.capture.bad_frames += max(0, bad - before_bad)
            self.capture.lost_frames += max(0, lost - before_lost)
            self._line = (bad, lost)
        elif kind == EntryKind.NOTE:
            self._say(entry.host_ns, printable(entry.body.decode(errors="replace")))

    def finish(self) -> Capture:
        """What was read. Raises IdentityError when no board in it can be used, and one told why."""
        self._close_session()
        if self._refusal is not None and not self.capture.sessions:
            raise self._refusal
        return self.capture

    def _utc_s(self, host_ns: int) -> float:
        return (host_ns + self._offset_ns) / 1e9

    def _say(self, host_ns: int, text: str) -> None:
        if len(self.capture.log) < MOST_LOG_LINES:
            self.capture.log.append((self._utc_s(host_ns), text))
        else:
            self.capture.log_left_out += 1

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
            if host_ns - self._last_ns > SILENCE_NS:
                self._account.must_identify()
        self._last_ns = host_ns
        capture.last_utc_s = utc_s
        try:
            for kind, body in iter_bodies(entry.body):
                try:
                    self._record(kind, body, host_ns, utc_s)
                except ProtocolError as error:
                    self._bad(error, host_ns)
        except ProtocolError as error:
            self._bad(error, host_ns)

    def _bad(self, error: ProtocolError, host_ns: int) -> None:
        self.capture.bad_records += 1
        if isinstance(error, IdentityError):
            self._account.must_identify()
            if str(error) != str(self._refusal):
                self._say(host_ns, str(error))
            self._refusal = error

    def _record(self, kind: int, body: bytes, host_ns: int, utc_s: float) -> None:
        if kind == RecordType.EDGES:
            self.capture.ignored_records += self._account.needs_identify
            self._account.take_edges(body)
            return
        record = parse_body(kind, body)
        if isinstance(record, Status):
            self.capture.ignored_records += self._account.needs_identify
            closed = self._account.take_status(record.tick)
            if closed is not None and self._session is not None:
                self._session.close(closed, body, utc_s)
        elif isinstance(record, Identify):
            self._identified(record, host_ns, utc_s)
        elif isinstance(record, Text):
            self._say(host_ns, f"board says: {record.text}")

    def _identified(self, record: Identify, host_ns: int, utc_s: float) -> None:
        if self._account.begins_anew(record):
            self._close_session()
            self._account = EdgeAccount()
            self._session = _SessionBuilder(record, utc_s)
            self._say(
                host_ns,
                f"board {record.board}, firmware {record.firmware_version}, boot {record.boot_id:08x},"
                f" {record.tick_hz} Hz",
            )
        self._account.take_identify(record)

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.add(self._account.flush().records)
            self.capture.sessions.append(self._session.build(self._account))
        self._session = None


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


class _SessionBuilder:
    def __init__(self, identify: Identify, utc_s: float) -> None:
        self.identify = identify
        self._first_utc_s = utc_s
        self._blobs = {role_name(channel.role): _Blobs() for channel in identify.channels}
        self._status_heads: list[bytes] = []
        self._status_utc: list[float] = []
        self._last_status = b""

    def add(self, records: Iterable[EdgesRecord]) -> None:
        for record in records:
            self._blobs[record.ledger.role].add(record.body)

    def close(self, closed: Closed, status: bytes, utc_s: float) -> None:
        """A second, with the body of the status record that closed it."""
        self.add(closed.records)
        self._status_heads.append(status[: _STATUS_HEAD.itemsize])
        self._status_utc.append(utc_s)
        self._last_status = status

    def build(self, account: EdgeAccount) -> Session:
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
