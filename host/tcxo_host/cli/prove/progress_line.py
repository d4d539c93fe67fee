"""How far a trial of hours is: a line that updates in place on a terminal, else a plain one every few minutes."""

from __future__ import annotations

import sys

__all__ = ["ProgressLine"]

PLAIN_EVERY_S = 300.0
WIDTH = 78


class ProgressLine:
    """On stderr."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told_s = float("-inf")
        self._open = False

    def show(self, done_s: float, whole_s: float, about: str) -> None:
        """To be called every few seconds."""
        if not self._terminal and done_s - self._told_s < PLAIN_EVERY_S:
            return
        self._told_s = done_s
        text = f"{_clock(done_s)}/{_clock(whole_s)}  {about}"
        print(
            f"\r{text[:WIDTH]:{WIDTH}}" if self._terminal else text,
            end="" if self._terminal else "\n",
            file=sys.stderr,
        )
        sys.stderr.flush()
        self._open = self._terminal

    def say(self, text: str) -> None:
        """A line of its own."""
        self.close()
        print(text, file=sys.stderr)

    def close(self) -> None:
        """Leave the line that was updated in place."""
        if self._open:
            print(file=sys.stderr)
        self._open = False


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
