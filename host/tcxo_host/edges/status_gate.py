"""Which status records close a second: those whose ticks advance as a counter does. Pure.

One record that contradicts the others is dropped, and the next one goes on from where the last good one was.
Records that contradict it but agree with each other are another matter: ahead, seconds are missing (frames
were lost); behind, the counter began anew, and the board must identify itself.
"""

from __future__ import annotations

__all__ = ["StatusGate"]

SHORTEST_S, LONGEST_S = 0.5, 2.5
"""From one status to the next: the board sends one a second, one may be lost, one more may have been asked for."""
AGREE_S = 60.0
"""Two records that both contradict the last good one agree when they are not further apart."""
AHEAD, BEHIND = 2, 4
"""This many that agree are believed. A record that is ``LONGEST_S`` early makes three good ones stand behind it."""


class StatusGate:
    """Follows the status ticks of one run of a board with a counter of ``tick_hz``."""

    def __init__(self, tick_hz: int) -> None:
        self.last: int | None = None
        """Tick of the latest admitted status."""
        self.doubt = ""
        """Why the latest status was not admitted; empty when it was."""
        self.is_contradicted = False
        """Many agree that the counter stands behind ``last``: nothing is admitted until the board identifies itself."""
        self._tick_hz = tick_hz
        self._suspect = 0
        self._agreeing = 0
        self._gap_expected = False

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest status contradicts the ones before."""
        return self._agreeing > 0

    def expect_gap(self) -> None:
        """The line was away and the same board is back: seconds are missing for a known reason."""
        self._gap_expected = True

    def admits(self, tick: int) -> bool:
        """Whether the status at ``tick`` closes a second; from then on it is the last one."""
        if self.is_contradicted:
            return False
        step_s = 0.0 if self.last is None else (tick - self.last) / self._tick_hz
        if (
            self.last is None
            or SHORTEST_S <= step_s <= LONGEST_S
            or (self._gap_expected and step_s > LONGEST_S)
        ):
            return self._admit(tick)
        if 0.0 <= step_s < SHORTEST_S:
            self.doubt = "the ticks of the board's status records stand still"
            return False
        apart_s = (tick - self._suspect) / self._tick_hz
        if self._agreeing and 0.0 <= apart_s < SHORTEST_S:
            return False  # a repetition confirms nothing
        agrees = self._agreeing > 0 and 0.0 < apart_s <= AGREE_S
        self._suspect = tick
        self._agreeing = self._agreeing + 1 if agrees else 1
        if step_s > 0:
            self.doubt = "the ticks of the board's status records jump ahead"
            return self._agreeing >= AHEAD and self._admit(tick)
        self.doubt = "the ticks of the board's status records run backwards"
        self.is_contradicted = self._agreeing >= BEHIND
        return False

    def _admit(self, tick: int) -> bool:
        self.last = tick
        self.doubt = ""
        self._agreeing = 0
        self._gap_expected = False
        return True
