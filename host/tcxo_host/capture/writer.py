"""Writing capture files: append-only, rotated at UTC boundaries, clear about a full disk."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tcxo_protocol.capture_file import MAGIC, RECORDED_ON, CaptureEncoder, EntryKind, build_line
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import ProtocolError, iter_bodies
from tcxo_protocol.spec import RECORD_HEAD, RecordType, struct_of

from ..errors import OutputError, UsageError
from ..files import open_file
from .compress import SUFFIXES, Compressor, make_compressor
from .source import SUFFIX

__all__ = ["SUFFIX", "CaptureWriter", "utc_ns_of"]

_RECORD_HEAD = struct_of(RECORD_HEAD)

JUMP_NS = 3600_000_000_000
"""UTC that moved so far against the steady clock since the last file began was wrong then, or is now."""
FLUSH_NS = 10_000_000_000
"""A compressed file is readable up to at most this long ago, whatever happens."""


def utc_ns_of(host_ns: int) -> int:
    """UTC (ns since 1970) at a moment of CLOCK_MONOTONIC_RAW in the recent past."""
    return time.time_ns() - (time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - host_ns)


class CaptureWriter:
    """Appends what a link brings to a file, or to files named by time in a directory.

    ``target``: a directory (existing, or ending in ``/``; it is made), a file, or ``-`` for stdout. The
    suffix ``.gz`` or ``.zst`` compresses; in a directory, ``compress`` names the suffix. With ``rotate_s``
    a file ends at each UTC multiple of it, and a file's name gets its start time. ``keep`` > 0 deletes, when a
    file begins, all but that many of the directory's captures, the new one among them, oldest first by the
    time in their names. A capture dated later than now is neither counted nor deleted, and nothing is
    deleted where the clock has jumped: a clock that was wrong once costs no capture. ``host`` names the machine
    that records, in a note at the start of each file.

    When a call returns, the entry has been given to the operating system (uncompressed) or will be within
    ``FLUSH_NS`` (compressed; ``flush`` and ``close`` make sure). No fsync: it would stall the daemon on an
    SD card; after a power cut the last half minute may be missing, and the file still reads.

    Raises OutputError when a file cannot be made or written; the writer stays usable, and what was
    written before stays readable.
    """

    def __init__(
        self,
        target: str | Path,
        rotate_s: float | None = None,
        *,
        compress: str = "",
        keep: int = 0,
        host: str = "",
        utc_of: Callable[[int], int] = utc_ns_of,
    ) -> None:
        text = str(target)
        self._stdout = text == "-"
        self._in_directory = not self._stdout and (text.endswith("/") or Path(text).is_dir())
        self._target = Path(text)
        self._compress = compress if self._in_directory else self._target.suffix
        self._rotate_ns = round(rotate_s * 1e9) if rotate_s else 0
        self._keep = keep
        self._host = host
        self._utc_of = utc_of
        self._encoder = CaptureEncoder()
        self._identity: bytes | None = None
        self._descriptor: int | None = None
        self._compressor: Compressor = make_compressor(self._compress if self._compress in SUFFIXES else "")
        self._period = 0
        self._flushed_ns = 0
        self._line: LineCounts | None = None
        self._offset_ns: int | None = None
        self.path: Path | None = None
        """The file being written, None before the first entry and on stdout."""
        self.entries = 0
        self.bytes_written = 0
        if self._stdout and self._rotate_ns:
            raise UsageError("--rotate needs files: give -o FILE or a directory")

    def link_opened(self, host_ns: int) -> None:
        """The link was (re)opened at ``host_ns``."""
        self._append(EntryKind.LINK_OPENED, host_ns, b"")

    def write(self, host_ns: int, payload: bytes) -> None:
        """The records of one frame, received at ``host_ns`` (CLOCK_MONOTONIC_RAW)."""
        self._append(EntryKind.FRAME, host_ns, payload)
        # after the frame is in this file: the next file is the one that needs the copy
        self._identity = _identify_record(payload) or self._identity

    def line(self, host_ns: int, counts: LineCounts) -> None:
        """What the link has lost so far; only a change is written."""
        now = LineCounts(0, counts.bad_frames, counts.lost_frames, counts.skipped_bytes)
        if now != (self._line or LineCounts()):
            body = build_line(counts.bad_frames, counts.lost_frames, counts.skipped_bytes)
            self._append(EntryKind.LINE, host_ns, body)
        self._line = now

    def entry(self, kind: int, host_ns: int, body: bytes) -> None:
        """Any entry but a clock, as another file had it."""
        if kind != EntryKind.CLOCK:
            self._append(kind, host_ns, body)

    def flush(self) -> None:
        """When this returns, everything taken so far has been given to the operating system."""
        if self._descriptor is not None:
            self._put(self._compressor.flush())

    def close(self) -> None:
        """Finish the file. Raises OutputError when its last bytes cannot be written."""
        if self._descriptor is None:
            return
        try:
            self._put(self._compressor.finish())
        finally:
            self._abandon()

    def _append(self, kind: int, host_ns: int, body: bytes) -> None:
        realtime_ns = self._utc_of(host_ns)
        if (
            self._rotate_ns
            and self._descriptor is not None
            and realtime_ns // self._rotate_ns != self._period
        ):
            self.close()
        if self._descriptor is None:
            self._open(realtime_ns, host_ns)
            if self._host:
                self._encode(EntryKind.NOTE, host_ns, realtime_ns, f"{RECORDED_ON}{self._host}".encode())
            if self._identity is not None:
                self._encode(EntryKind.IDENTITY, host_ns, realtime_ns, self._identity)
        self._encode(kind, host_ns, realtime_ns, body)
        self.entries += 1
        if host_ns - self._flushed_ns >= FLUSH_NS:
            self._flushed_ns = host_ns
            self.flush()

    def _encode(self, kind: int, host_ns: int, realtime_ns: int, body: bytes) -> None:
        self._put(self._compressor.compress(self._encoder.encode(kind, host_ns, realtime_ns, body)))

    def _open(self, realtime_ns: int, host_ns: int) -> None:
        self._encoder.restart()
        self._line = None
        self._flushed_ns = host_ns
        self._compressor = make_compressor(self._compress if self._compress in SUFFIXES else "")
        if self._stdout:
            self._descriptor = os.dup(sys.stdout.fileno())
            return
        if self._rotate_ns:
            self._period = realtime_ns // self._rotate_ns
        self.path = self._name(realtime_ns)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, devices=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot record: {error.strerror}") from None
        self._refuse_strangers()
        offset_ns = realtime_ns - host_ns
        jumped = self._offset_ns is not None and abs(offset_ns - self._offset_ns) > JUMP_NS
        self._offset_ns = offset_ns
        if self._in_directory and self._keep and not jumped:
            self._delete_old(self.path)

    def _name(self, realtime_ns: int) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(realtime_ns / 1e9))
        if self._in_directory:
            return self._target / f"tcxo-{stamp}{SUFFIX}{self._compress}"
        if not self._rotate_ns:
            return self._target
        suffixes = "".join(self._target.suffixes[-2:]) if self._compress in SUFFIXES else self._target.suffix
        stem = self._target.name[: len(self._target.name) - len(suffixes)]
        return self._target.with_name(f"{stem}-{stamp}{suffixes}")

    def _refuse_strangers(self) -> None:
        """Appending to a capture is fine; to anything else, or behind a cut compressed stream, it is not."""
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        if not size:
            return
        if self._compress in SUFFIXES:
            self._abandon()
            raise OutputError(
                f"{self.path}: exists already, and a compressed file is not appended to: choose another"
            )
        if os.pread(self._descriptor, len(MAGIC), 0) != MAGIC:
            self._abandon()
            raise OutputError(f"{self.path}: exists already and is not a capture: choose another name")

    def _put(self, data: bytes) -> None:
        """All of ``data`` or none of it; a part left by a full disk is taken back where that is possible."""
        descriptor = self._descriptor
        assert descriptor is not None
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except BrokenPipeError:
            raise
        except OSError as error:
            if written:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            self._abandon()
            raise OutputError(
                f"{self.path or 'stdout'}: cannot record: {error.strerror}; what was written before is intact"
            ) from None
        self.bytes_written += len(data)

    def _abandon(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None

    def _delete_old(self, begun: Path) -> None:
        older = sorted(each for each in self._target.glob(f"tcxo-*{SUFFIX}*") if each.name < begun.name)
        for old in older[: max(0, len(older) - self._keep + 1)]:
            with contextlib.suppress(OSError):
                old.unlink()


def _identify_record(payload: bytes) -> bytes | None:
    try:
        for kind, body in iter_bodies(payload):
            if kind == RecordType.IDENTIFY:
                return _RECORD_HEAD.pack(kind, len(body)) + body
    except ProtocolError:
        return None
    return None
