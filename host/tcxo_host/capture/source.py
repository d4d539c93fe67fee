"""Where captures come from: files (compressed or not), stdin, a live link; several in order are one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tcxo_protocol.capture_file import CaptureDecoder, Entry, EntryKind, parse_clock

from ..edges.account import SILENCE_NS
from ..errors import DataError, UsageError
from .compress import make_decompressor
from .live import is_link, live_entries
from .simulated import is_simulated, simulated_entries

__all__ = ["SUFFIX", "Sources"]

CHUNK_BYTES = 1 << 18
POLL_S = 0.2
SIMULATED_S = 86_400.0
SUFFIX = ".tcxocap"


class Sources:
    """The entries of several captures in order, as one run; what could not be read is in ``problems``.

    A directory stands for the captures in it. ``since_utc_ns``: what is older is left out.

    ``progress`` is told bytes read and bytes in all (None when unknown). ``follow``: the last file is
    read on as it grows. ``seconds`` and ``baud`` are for live links.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        follow: bool = False,
        seconds: float | None = None,
        baud: int = 115200,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[float, float | None], None] = lambda done, total: None,
        since_utc_ns: int | None = None,
    ) -> None:
        names = [file for name in names for file in _expanded(name, since_utc_ns)]
        if not names:
            raise UsageError(
                "no FILE given: name a capture, - for stdin, or a link such as serial:/dev/ttyACM0"
            )
        self.names = list(names)
        self.problems: list[str] = []
        """One sentence for each file that is cut off, damaged or not a capture."""
        self.entries_read = 0
        self.is_live = any(is_link(name) for name in names)
        self._since_utc_ns = since_utc_ns
        self._follow = follow
        self._seconds = seconds
        self._baud = baud
        self._stopping = stopping
        self._progress = progress
        self._bytes_done = 0
        self._bytes_total = _total_size(names)

    def entries(self) -> Iterator[Entry]:
        """Every entry, damaged places left out. IDENTITY entries come out as frames where a reader needs
        them, and not at all where the files follow each other without a gap.

        Raises DataError when a file cannot be opened, or when nothing at all could be read.
        """
        last_ns: int | None = None
        offset_ns = 0
        for index, name in enumerate(self.names):
            last = index == len(self.names) - 1
            for entry in self._entries_of(name, self._follow and last):
                if entry.kind == EntryKind.CLOCK:
                    host_ns, realtime_ns = parse_clock(entry.body)
                    offset_ns = realtime_ns - host_ns
                elif self._since_utc_ns is not None and entry.host_ns + offset_ns < self._since_utc_ns:
                    continue
                if entry.kind == EntryKind.IDENTITY:
                    if last_ns is not None and 0 <= entry.host_ns - last_ns <= SILENCE_NS:
                        continue
                    entry = Entry(EntryKind.FRAME, entry.host_ns, entry.body)
                if entry.kind == EntryKind.FRAME:
                    last_ns = entry.host_ns
                self.entries_read += 1
                yield entry
        if not self.entries_read and self.problems:
            raise DataError(self.problems[0])

    def _entries_of(self, name: str, follow: bool) -> Iterator[Entry]:
        if is_link(name):
            live = live_entries(
                name,
                baud=self._baud,
                seconds=self._seconds,
                stopping=self._stopping,
                complain=lambda text: print(text, file=sys.stderr),
            )
            yield from self._counted(live, self._seconds)
            return
        if is_simulated(name):
            seconds = self._seconds or SIMULATED_S
            yield from self._counted(simulated_entries(name, seconds), seconds)
            return
        shown = "stdin" if name == "-" else name
        file = _open(name)
        decoder = CaptureDecoder()
        with file:
            try:
                first = file.read(CHUNK_BYTES)
            except OSError as error:
                raise DataError(f"{name}: cannot be read: {error.strerror}") from None
            decompressor = make_decompressor(first)
            try:
                for data in self._chunks(file, first, follow):
                    for piece in decompressor.decompress(data):
                        yield from decoder.feed(piece)
            except DataError as error:
                self.problems.append(f"{shown}: {error}: what comes before is used")
            except OSError as error:
                self.problems.append(f"{shown}: cannot be read further: {error.strerror}")
            # only what remains after a length that pointed past the end
            pending = decoder.pending_bytes
            yield from decoder.close()
        problem = _problem(shown, first, decoder, pending)
        if not problem and not decompressor.complete and not self._stopping():
            problem = f"{shown}: its compressed data ends early (cut off, or still being written)"
        if problem:
            self.problems.append(problem)

    def _counted(self, entries: Iterator[Entry], seconds: float | None) -> Iterator[Entry]:
        """``entries``, with progress told in seconds of what has no bytes to count."""
        first_ns: int | None = None
        for entry in entries:
            first_ns = entry.host_ns if first_ns is None else first_ns
            self._progress((entry.host_ns - first_ns) / 1e9, seconds if len(self.names) == 1 else None)
            yield entry

    def _chunks(self, file: BinaryIO, first: bytes, follow: bool) -> Iterator[bytes]:
        data = first
        while not self._stopping():
            if data:
                self._bytes_done += len(data)
                self._progress(self._bytes_done, self._bytes_total)
                yield data
            elif follow:
                time.sleep(POLL_S)
            else:
                return
            data = file.read(CHUNK_BYTES)


def _expanded(name: str, since_utc_ns: int | None) -> list[str]:
    """A directory's captures, oldest first, those that ended long ago left out."""
    if name == "-" or is_link(name) or not Path(name).is_dir():
        return [name]
    found = sorted(Path(name).glob(f"*{SUFFIX}*"))
    if since_utc_ns is not None:
        found = [path for path in found if path.stat().st_mtime_ns >= since_utc_ns]
    if not found:
        recent = " from that time" if since_utc_ns is not None else ""
        raise DataError(f"{name}: no captures (*{SUFFIX}){recent} in this directory")
    return [str(path) for path in found]


def _open(name: str) -> BinaryIO:
    try:
        if name == "-":
            # unbuffered: what a live pipe has brought is used at once
            return os.fdopen(os.dup(0), "rb", buffering=0)
        return open(name, "rb", buffering=0)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from None


def _problem(name: str, first: bytes, decoder: CaptureDecoder, pending: int) -> str | None:
    if not first:
        return f"{name}: is empty, expected a capture made by tcxo-dump record"
    if not decoder.entries:
        return f"{name}: is not a capture{_hint(first)}"
    if decoder.damages == 1 and decoder.skipped_bytes == pending:
        return f"{name}: is cut off inside its last entry: {pending} bytes not used"
    if decoder.damages:
        return (
            f"{name}: is damaged in {decoder.damages} place{'s' if decoder.damages > 1 else ''}:"
            f" {decoder.skipped_bytes} bytes not used"
        )
    return None


def _hint(first: bytes) -> str:
    text = first[:400]
    if text and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in text):
        return " but text: tcxo-dump import reads what counters print"
    return " of this project (or cut off in its first bytes)"


def _total_size(names: Sequence[str]) -> int | None:
    try:
        return sum(Path(name).stat().st_size for name in names)
    except OSError:
        return None
