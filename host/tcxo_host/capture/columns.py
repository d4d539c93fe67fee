"""A capture as arrays, so that a day is read within seconds. Pure.

What is believed and what is missing is decided by ``EdgeAccount``, as in the daemon; here the records that it
lets through are joined in bulk, so that no Python object exists per edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tcxo_protocol.capture_file import RECORDED_ON, Entry, EntryKind, parse_clock, parse_line
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
from tcxo_protocol.spec import RecordType

from ..edges.account import SILENCE_NS, EdgeAccount
from .session_columns import Session, SessionBuilder

__all__ = ["Capture", "Loader", "load"]

MOST_LOG_LINES = 10_000


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
    hosts: list[str] = field(default_factory=list)
    """Machines that recorded it, where its notes tell."""


GAP_NS = 2_000_000_000
MOST_HOSTS = 20


def load(entries: Iterable[Entry]) -> Capture:
    """Read all entries. Raises IdentityError when no board in it can be used and one identified itself wrongly."""
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
        self._session: SessionBuilder | None = None
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
            self._note(entry.host_ns, printable(entry.body.decode(errors="replace")))

    def finish(self) -> Capture:
        """What was read. Raises IdentityError when no board in it can be used and one identified itself wrongly."""
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

    def _note(self, host_ns: int, text: str) -> None:
        if not text.startswith(RECORDED_ON):
            self._say(host_ns, text)
            return
        host, hosts = text.removeprefix(RECORDED_ON), self.capture.hosts
        if host not in hosts and len(hosts) < MOST_HOSTS:
            hosts.append(host)

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
            self._session = SessionBuilder(record, utc_s)
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
