"""The world that a guest's board sees, in time with what the guest does."""

from __future__ import annotations

import time

from tcxo_firmware.simboard import SimBoard
from tcxo_host.sim.simulation import CHANNEL_IDS, merge_edges
from tcxo_host.sim.world import World

STARTS_WITH = b"REPORT daemon-open ok"
"""The guest's word for the moment in which the world begins."""


class Player:
    """Plays ``world`` into ``board`` once the daemon inside has the line open, ``speed`` times as fast as time.

    Its first ``ahead_s`` seconds come ``ahead_speed`` times as fast, so that the daemon knows the clocks.
    """

    def __init__(
        self,
        board: SimBoard,
        world: World,
        speed: float = 1.0,
        ahead_s: float = 0.0,
        ahead_speed: float = 8.0,
    ) -> None:
        self.board, self.world = board, world
        self._speed, self._ahead_s, self._ahead_speed = speed, ahead_s, ahead_speed
        self._start_s: float | None = None
        self._played = 0

    def turn(self, console: bytes) -> None:
        """To be called often: every second of the world comes when it is over."""
        if self._start_s is None:
            if STARTS_WITH not in console:
                return
            self._start_s = time.monotonic()
        while self._played + 1 <= self._world_s(time.monotonic() - self._start_s):
            second = self.world.step()
            self.board.feed(*merge_edges(second, CHANNEL_IDS))
            self.board.advance(second.tick_end)
            self._played += 1

    def _world_s(self, since_s: float) -> float:
        quick_s = self._ahead_s / self._ahead_speed
        return min(since_s * self._ahead_speed, self._ahead_s) + max(0.0, since_s - quick_s) * self._speed
