"""A simulated board as an open link, a second of its world in each second: ``tcxo-host run --link sim:SCENARIO``.

Stands in for a serial line with a board on it. What the board sends is ``FrameSource``'s; its reboots and unplugged
lines are silences here, where a real line may end with an error, and noise on the line is left out, as are
commands: the board identifies itself at each start without being asked.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from tcxo_protocol.framing import LineCounts

from ..link.interface import Received
from .frames import FrameSource
from .named import named_world

__all__ = ["SimulatedLink"]

_HALF_S = 0.5


class SimulatedLink:
    """A board that starts now. ``url``: ``sim:SCENARIO[:SEED]``; ``clock``: a steady clock in seconds, ``pause`` waits
    on it. Raises what ``named_world`` raises.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self._clock = clock
        self._pause = pause
        self._world = named_world(url)
        self._board = FrameSource(self._world.tick_hz)
        self._begins_s = clock()
        self._due: deque[tuple[float, bytes]] = deque()
        self._frames = 0

    @property
    def counts(self) -> LineCounts:
        """All that was sent has been received."""
        return LineCounts(self._frames, 0, 0, 0)

    def read(self, timeout_s: float) -> list[Received]:
        """What the board has sent by now; waits for it, at most ``timeout_s``. After a long pause of the machine the
        seconds come one a call until they have caught up."""
        if not self._due and self._begins_s <= self._clock():
            self._next_second()
        wait_s = (self._due[0][0] if self._due else self._begins_s) - self._clock()
        if wait_s > 0:
            self._pause(min(wait_s, timeout_s))
        received = []
        while self._due and self._due[0][0] <= self._clock():
            received.append(Received(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), self._due.popleft()[1]))
        self._frames += len(received)
        return received

    def send(self, command: str) -> None:
        """Nothing that a command asks for is not sent anyway."""

    def close(self) -> None:
        """Nothing is open."""

    def _next_second(self) -> None:
        """The payloads of the world's next second: what comes before the last two at its half, those at its end."""
        second = self._world.step()
        payloads = self._board.payloads(second)
        self._begins_s = end_s = self._begins_s + 1
        for index, payload in enumerate(payloads):
            early_s = _HALF_S if index < len(payloads) - 2 else 0.0
            self._due.append((end_s - early_s, payload))
