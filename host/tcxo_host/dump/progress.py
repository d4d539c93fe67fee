"""A progress bar on stderr for what lasts over a second; nothing when stderr is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]

SHOW_AFTER_S = 1.0


class Progress:
    """Use as a context; call ``advance`` with absolute figures, as often as convenient."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Any = None
        self._task: Any = None
        self._start = time.monotonic()
        self._quiet = not sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def advance(self, done: float, total: float | None) -> None:
        """``total`` None: unknown."""
        if self._quiet or time.monotonic() - self._start < SHOW_AFTER_S:
            return
        if self._bar is None:
            self._begin(total)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away, before other output follows."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._quiet = None, True

    def _begin(self, total: float | None) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress
        except ImportError:
            self._quiet = True  # a bar is a comfort, no reason to ask for another package
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._what, total=total)
        self._bar.start()
