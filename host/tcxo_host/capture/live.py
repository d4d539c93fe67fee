"""A live link as a source of capture entries: asks the board, reconnects, ends on request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from tcxo_protocol.capture_file import Entry, EntryKind, build_line
from tcxo_protocol.framing import LineCounts

from ..errors import LinkError
from ..link.interface import Link
from ..link.session import Session, retry_pauses
from ..link.url import open_link

__all__ = ["is_link", "live_entries"]

READ_TIMEOUT_S = 0.25


def is_link(name: str) -> bool:
    """Whether an argument names a live link rather than a file."""
    return name.startswith(("serial:", "i2c:", "/dev/tty", "/dev/serial/", "/dev/pts/"))


def live_entries(
    url: str,
    *,
    baud: int = 115200,
    seconds: float | None = None,
    stopping: Callable[[], bool] = lambda: False,
    complain: Callable[[str], None] = lambda text: None,
) -> Iterator[Entry]:
    """What a board sends from now on, as the entries of a capture.

    Ends after ``seconds`` or once ``stopping()``. Raises LinkError when the link cannot be opened the first
    time; later it reconnects for ever, and ``complain`` is called once for each loss.
    """
    end = None if seconds is None else time.monotonic() + seconds

    def ended() -> bool:
        return stopping() or (end is not None and time.monotonic() >= end)

    link = open_link(url, baud)
    while True:
        try:
            yield from _follow(link, ended)
            return
        except LinkError as error:
            complain(f"{error}; trying again until it is back")
        finally:
            link.close()
        reopened = _reopen(url, baud, ended)
        if reopened is None:
            return
        link = reopened


def _reopen(url: str, baud: int, ended: Callable[[], bool]) -> Link | None:
    for pause_s in retry_pauses():
        end = time.monotonic() + pause_s
        while time.monotonic() < end:
            if ended():
                return None
            time.sleep(0.1)
        with contextlib.suppress(LinkError):
            return open_link(url, baud)
    return None


def _follow(link: Link, ended: Callable[[], bool]) -> Iterator[Entry]:
    yield Entry(EntryKind.LINK_OPENED, time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), b"")
    session = Session(link)
    known = LineCounts()
    while not ended():
        received = session.read(READ_TIMEOUT_S)
        for each in received:
            yield Entry(EntryKind.FRAME, each.host_ns, each.payload)
        if received:
            counts = link.counts
            seen = LineCounts(0, counts.bad_frames, counts.lost_frames, counts.skipped_bytes)
            if seen != known:
                body = build_line(seen.bad_frames, seen.lost_frames, seen.skipped_bytes)
                yield Entry(EntryKind.LINE, received[-1].host_ns, body)
            known = seen
        session.ask_again()
