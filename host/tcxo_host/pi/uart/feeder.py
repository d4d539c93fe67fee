"""Keeps a UART sending without pause: its buffer in the kernel holds over a minute and is filled up every second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ...daemon.rate_limit import RateLimit
from .divider import BITS_PER_BYTE
from .line import KernelLine, Line

__all__ = ["Feeder"]

log = logging.getLogger("tcxo_host")

SQUARE = b"\xf0"
"""Least bit first, after a start bit that is low and before a stop bit that is high: five bits low, five high."""
EVERY_S = 1.0
REOPEN_S = 5.0
SETTLE_S = 10.0
"""How long to wait after the speed was set again: by then what was measured meanwhile is forgotten."""
TOLD_EVERY_S = 60.0
"""How often underruns are told in the log; they are counted all the same."""
MOST_BYTES = 1 << 16
"""Written at once; far more than any buffer holds, and an end where bytes vanish as fast as they come."""


class Feeder:
    """The signal on ``device`` at ``baud``. ``turn`` is to be called often and waits for nobody.

    Asked like a ``PwmWatch``, it says why nothing that its edges say may be published. An underrun is counted and
    logged and is no such reason: the edges go on at another phase, and the estimator takes it as that.
    ``clock``: a steady one, s.
    """

    def __init__(
        self,
        device: str,
        baud: int,
        open_line: Callable[[str], Line] = KernelLine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bias_ppm = 0.0
        """By how much the UART is known to run fast against the system clock (``UartTiming``)."""
        self.underruns = 0
        self.buffered_s = 0.0
        """How long the buffer lasts from the latest turn on."""
        self._device, self._baud = device, baud
        self._open_line, self._clock = open_line, clock
        self._line: Line | None = None
        self._sending = False
        self._next_s = self._settled_s = self._told_s = -1e9
        self._problem = ""
        self._lines = RateLimit()

    def __call__(self) -> str:
        """Why the UART's edges may not be trusted, with the remedy; empty while they may."""
        return self._problem if self._line is None or self._clock() < self._settled_s else ""

    def turn(self) -> None:
        """Fill the buffer up when it is due, open the device again when it was gone. Never raises OSError."""
        now_s = self._clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        try:
            if self._line is None:
                self._line, self._sending = self._open_line(self._device), False
                self._line.set_speed(self._baud)
            self._top_up(self._line, now_s)
        except OSError as error:
            self._lost(error, now_s)

    def close(self) -> None:
        """End the signal at once, at high level."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _top_up(self, line: Line, now_s: float) -> None:
        if not line.is_as_set(self._baud):
            line.set_speed(self._baud)
            self._settled_s = now_s + SETTLE_S
            self._problem = f"another program changed the speed of {self._device}: end it"
            self._warn(self._problem)
        if self._sending and line.is_idle():
            self._underrun(now_s)
        left = MOST_BYTES
        while left > 0 and (count := line.write(SQUARE * min(left, 4096))):
            left -= count
        self._sending = True
        self.buffered_s = line.waiting() * BITS_PER_BYTE / self._baud

    def _underrun(self, now_s: float) -> None:
        self.underruns += 1
        if now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            log.warning(
                "UART: %s had nothing to send for a while (underrun %d): its edges go on at another phase; is this"
                " computer overloaded, or was it asleep?",
                self._device,
                self.underruns,
            )

    def _lost(self, error: OSError, now_s: float) -> None:
        may = isinstance(error, PermissionError)
        remedy = (
            "its user must be in the group dialout" if may else "is another program on it, or is it gone?"
        )
        problem = f"{self._device} cannot be used ({error.strerror}): {remedy}"
        if problem != self._problem or self._line is not None:
            self._warn(f"{problem}; trying again until it can")
        self._problem = problem
        try:
            self.close()
        except OSError:
            self._line = None
        self._next_s = now_s + REOPEN_S

    def _warn(self, text: str) -> None:
        if self._lines.passes(self._clock()):
            log.warning("UART: %s", text)
