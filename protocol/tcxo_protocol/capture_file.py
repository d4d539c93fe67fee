"""The capture file: what a link brought and when, append-only and checked. Bytes in, entries out; no I/O.

A file is one or more segments; appending one file to another makes a file. A segment is ``MAGIC``, a
``CLOCK`` entry, then entries. An entry is ``kind_length u16, elapsed_ns u32, body, crc32 u32``; the CRC
covers everything before it. Kind and length share 16 bits because three entries a second make a file of
30 MiB a day, of which each byte of an entry's head is 0.25 MiB. A reader that meets damage goes on at
the next ``MAGIC``.
"""

from __future__ import annotations

import enum
from binascii import crc32
from dataclasses import dataclass

from construct import Int16ul, Int32ul, Int64sl, Int64ul, Struct

from .spec import struct_of

__all__ = [
    "CLOCK",
    "ENTRY_CRC",
    "ENTRY_HEAD",
    "LINE",
    "MAGIC",
    "MAX_BODY",
    "RECORDED_ON",
    "SEGMENT_NS",
    "CaptureDecoder",
    "CaptureEncoder",
    "Entry",
    "EntryKind",
    "build_line",
    "parse_clock",
    "parse_line",
]

MAGIC = b"\xf5\xf3TCXO\r\n"
"""Eight bytes: no text file begins so, no entry does (its kind would be 15), and a transfer that translates
line ends or strips bit 7 breaks it."""

SEGMENT_NS = 60_000_000_000
"""A new segment begins at least this often: the most that damage to one place can cost."""

MAX_BODY = 0xFFF
"""Largest body of an entry, bytes; ``kind_length`` is ``kind * 4096 + length``."""

ENTRY_HEAD = Struct("kind_length" / Int16ul, "elapsed_ns" / Int32ul)
ENTRY_CRC = Struct("crc32" / Int32ul)
CLOCK = Struct("host_ns" / Int64ul, "realtime_ns" / Int64sl)
LINE = Struct("bad_frames" / Int32ul, "lost_frames" / Int32ul, "skipped_bytes" / Int64ul)

_HEAD = struct_of(ENTRY_HEAD)
_CRC = struct_of(ENTRY_CRC)
_CLOCK = struct_of(CLOCK)
_LINE = struct_of(LINE)
_MAX_ELAPSED_NS = 0xFFFFFFFF


class EntryKind(enum.IntEnum):
    """What an entry is; 1 to 14."""

    CLOCK = 1
    """Opens a segment: the host's raw monotonic clock and UTC at one moment."""
    FRAME = 2
    """The records of one intact frame, as received."""
    LINK_OPENED = 3
    """The link was (re)opened; no body."""
    IDENTITY = 4
    """Copy of the frame that last identified the board, at the start of a file; needed only when the file
    is read by itself."""
    LINE = 5
    """What the link has lost and damaged since it was opened, whenever that has changed."""
    NOTE = 6
    """A line for people, UTF-8."""


RECORDED_ON = "recorded on "
"""How the note begins that names the recording machine, at the start of a file."""

_LEAST_BODY: dict[int, int] = {EntryKind.CLOCK: _CLOCK.size, EntryKind.LINE: _LINE.size}
"""An intact entry with fewer bytes is not an entry: a reader may rely on its fields."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``host_ns``: CLOCK_MONOTONIC_RAW of the recording host."""

    kind: int
    host_ns: int
    body: bytes


class CaptureEncoder:
    """Entries to bytes. Keeps the running clock; starts a segment when one is due."""

    def __init__(self) -> None:
        self._segment_ns: int | None = None
        self._last_ns = 0

    def restart(self) -> None:
        """The next entry opens a segment: a new file begins."""
        self._segment_ns = None

    def encode(self, kind: int, host_ns: int, realtime_ns: int, body: bytes = b"") -> bytes:
        """The bytes to append. ``realtime_ns`` is UTC since 1970 at about ``host_ns``.

        Raises ValueError for a body over ``MAX_BODY`` bytes.
        """
        if len(body) > MAX_BODY:
            raise ValueError(f"body of {len(body)} bytes, at most {MAX_BODY} fit an entry")
        head = b""
        elapsed_ns = host_ns - self._last_ns
        stale = self._segment_ns is None or host_ns - self._segment_ns >= SEGMENT_NS
        if stale or not 0 <= elapsed_ns <= _MAX_ELAPSED_NS:
            clock = _CLOCK.pack(host_ns & 0xFFFFFFFFFFFFFFFF, realtime_ns)
            head = MAGIC + _entry(EntryKind.CLOCK, 0, clock)
            self._segment_ns, elapsed_ns = host_ns, 0
        self._last_ns = host_ns
        return head + _entry(kind, elapsed_ns, body)


class CaptureDecoder:
    """Finds the entries in a file's bytes, however they are cut into chunks, and counts what is not an entry."""

    def __init__(self) -> None:
        self.skipped_bytes = 0
        """Bytes passed over because they belong to no intact entry."""
        self.damages = 0
        """Places where that happened."""
        self.entries = 0
        self._buffer = b""
        self._in_step = False
        self._at_start = True
        self._host_ns = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes at the end that are not a whole entry yet; at the end of a file, what was cut off."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Entry]:
        """Take the next bytes of the file; return the entries they complete."""
        buffer = self._buffer + data if self._buffer else data
        entries: list[Entry] = []
        position = 0
        while True:
            if not self._in_step:
                position = self._find_magic(buffer, position)
                if not self._in_step:
                    break
            position, wants_more = self._read_entries(buffer, position, entries)
            if wants_more:
                break
        self._buffer = buffer[position:]
        self.entries += len(entries)
        return entries

    def _find_magic(self, buffer: bytes, position: int) -> int:
        if self._at_start and len(buffer) - position < len(MAGIC):
            return position
        found = buffer.find(MAGIC, position)
        if found < 0:
            # the magic itself may be cut at the end of this chunk
            found = max(position, len(buffer) - len(MAGIC) + 1)
        else:
            self._in_step = True
        if found > position and self._at_start:
            self.damages += 1
        self._at_start = False
        self.skipped_bytes += found - position
        return found

    def _read_entries(self, buffer: bytes, position: int, entries: list[Entry]) -> tuple[int, bool]:
        """Entries from ``position`` on; where it ended, and whether more bytes are needed to go on."""
        head_size, crc_size, end = _HEAD.size, _CRC.size, len(buffer)
        unpack_head, unpack_crc = _HEAD.unpack_from, _CRC.unpack_from
        host_ns = self._host_ns
        while True:
            if buffer.startswith(MAGIC, position):
                position += len(MAGIC)
                continue
            if position + head_size > end or MAGIC.startswith(buffer[position : position + len(MAGIC)]):
                wants_more = True
                break
            kind_length, elapsed_ns = unpack_head(buffer, position)
            kind, length = kind_length >> 12, kind_length & MAX_BODY
            body_at = position + head_size
            crc_at = body_at + length
            if crc_at + crc_size > end:
                wants_more = True
                break
            if crc32(buffer[position:crc_at]) != unpack_crc(buffer, crc_at)[0]:
                self._in_step = wants_more = False
                self.damages += 1
                # step over the first byte, so that a search cannot find the same place again
                self.skipped_bytes += 1
                position += 1
                break
            body = buffer[body_at:crc_at]
            position, begin = crc_at + crc_size, position
            if length < _LEAST_BODY.get(kind, 0):
                host_ns += elapsed_ns
                self.damages += 1
                self.skipped_bytes += position - begin
                continue
            if kind == EntryKind.CLOCK:
                host_ns = _CLOCK.unpack_from(body)[0]
            else:
                host_ns += elapsed_ns
            entries.append(Entry(kind, host_ns, body))
        self._host_ns = host_ns
        return position, wants_more

    def close(self) -> list[Entry]:
        """The file has ended. Entries behind a place whose damaged length had reached past the end."""
        entries: list[Entry] = []
        while self._buffer:
            rest, self._buffer = self._buffer[1:], b""
            self.skipped_bytes += 1
            if self._in_step or self._at_start:
                self.damages += 1
            self._in_step = self._at_start = False
            entries += self.feed(rest)
            if not self._in_step:
                self.skipped_bytes += len(self._buffer)
                self._buffer = b""
        return entries


def parse_clock(body: bytes) -> tuple[int, int]:
    """``(host_ns, realtime_ns)`` of a CLOCK entry."""
    host_ns, realtime_ns = _CLOCK.unpack_from(body)
    return host_ns, realtime_ns


def parse_line(body: bytes) -> tuple[int, int, int]:
    """``(bad_frames, lost_frames, skipped_bytes)`` of a LINE entry."""
    bad_frames, lost_frames, skipped_bytes = _LINE.unpack_from(body)
    return bad_frames, lost_frames, skipped_bytes


def build_line(bad_frames: int, lost_frames: int, skipped_bytes: int) -> bytes:
    """The body of a LINE entry."""
    return _LINE.pack(bad_frames & 0xFFFFFFFF, lost_frames & 0xFFFFFFFF, skipped_bytes)


def _entry(kind: int, elapsed_ns: int, body: bytes) -> bytes:
    covered = _HEAD.pack(kind << 12 | len(body), elapsed_ns) + body
    return covered + _CRC.pack(crc32(covered))
