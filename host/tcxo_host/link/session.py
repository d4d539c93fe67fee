"""An open link from the first request to the end: the board is asked to identify itself, and asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from .interface import Link, Received

__all__ = ["Session", "retry_pauses"]

ASK_AGAIN_S = 2.0
"""How long a board may take to answer."""
SILENT_S = 5.0
"""A board sends something each second; after this long without anything it is asked again."""
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 15.0


class Session:
    """Reads an open link. Asks the board at once to identify itself and to send what it captures.

    Raises what the link raises. ``clock``: any steady clock, in seconds.
    """

    def __init__(self, link: Link, clock: Callable[[], float] = time.monotonic) -> None:
        self.link = link
        self._clock = clock
        self._heard_s = self._asked_s = clock()
        self._ask()

    @property
    def silent_s(self) -> float:
        """How long nothing has come."""
        return self._clock() - self._heard_s

    def read(self, timeout_s: float) -> list[Received]:
        """As ``Link.read``."""
        received = self.link.read(timeout_s)
        if received:
            self._heard_s = self._clock()
        return received

    def ask_again(self, wanted: bool = False) -> None:
        """Ask once more when ``wanted`` or when nothing has come for long; not before an answer can have come."""
        if (wanted or self.silent_s > SILENT_S) and self._clock() - self._asked_s > ASK_AGAIN_S:
            self._asked_s = self._clock()
            self._ask()

    def _ask(self) -> None:
        self.link.send("id")
        self.link.send("stream on")


def retry_pauses() -> Iterator[float]:
    """How long to wait before each further try to open a link, in seconds: longer each time, up to a limit."""
    pause_s = RETRY_FIRST_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, RETRY_MOST_S)
