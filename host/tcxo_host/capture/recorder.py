"""Recording beside the daemon: a full disk stops the recording, never the publishing."""

from __future__ import annotations

from collections.abc import Callable

from tcxo_protocol.framing import LineCounts

from ..errors import OutputError
from .writer import CaptureWriter

__all__ = ["Recorder"]

RETRY_NS = 60_000_000_000


class Recorder:
    """A ``CaptureWriter`` that pauses for a minute after a failure. ``problem`` says why it pauses, or is empty."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._resting_until_ns = 0
        self.problem = ""

    def link_opened(self, host_ns: int) -> None:
        """The link was (re)opened."""
        self._try(host_ns, lambda: self._writer.link_opened(host_ns))

    def write(self, host_ns: int, payload: bytes, line: LineCounts) -> None:
        """One frame, and what the line has lost so far."""
        self._try(host_ns, lambda: self._writer.write(host_ns, payload))
        self._try(host_ns, lambda: self._writer.line(host_ns, line))

    def close(self) -> None:
        """Finish the file. Never raises."""
        self._try(self._resting_until_ns, self._writer.close)

    def _try(self, host_ns: int, step: Callable[[], None]) -> None:
        if host_ns < self._resting_until_ns:
            return
        try:
            step()
        except OutputError as error:
            self.problem = str(error)
            self._resting_until_ns = host_ns + RETRY_NS
        else:
            self.problem = ""
