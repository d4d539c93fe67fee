"""A progress bar on stderr for work that takes more than a second; nothing when stderr is not a terminal."""

from __future__ import annotations

import sys
import time
from typing import IO, Any

__all__ = ["Progress"]

SHOW_AFTER_S = 1.0
UPDATE_S = 0.1


class Progress:
    """Use as a context; call ``advance`` with absolute figures, as often as convenient."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._bar: Any = None
        self._task: Any = None
        self._start = self._shown = time.monotonic()
        self._quiet = quiet or not sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def advance(self, done: float, total: float | None) -> None:
        """``total`` None: unknown."""
        if self._quiet:
            return
        now = time.monotonic()
        if now - self._start < SHOW_AFTER_S or now - self._shown < UPDATE_S:
            return
        self._shown = now
        if self._bar is None:
            self._begin(total)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    def busy(self) -> None:
        """Something of unknown length begins, longer than a second: show that at once."""
        if not self._quiet and self._bar is None:
            self._begin(None)

    def say(self, text: str, file: IO[str]) -> None:
        """A line on ``file``, above the bar where both are on the terminal."""
        if self._bar is not None and file.isatty():
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=file)

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
            self._quiet = True  # a progress bar is optional: no error without its package
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        # rich would send stdout to the bar's terminal, even where stdout is a file
        self._bar = RichProgress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(self._what, total=total)
        self._bar.start()
