"""The screen of ``status --watch``: draws on the terminal's other screen, takes keys, gives the terminal back."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ..daemon.chronyc import TrackingWatch
from ..errors import missing_extra
from .status_view import Ages, Line, status_lines
from .watch_layout import WINDOWS_S, History, screen

__all__ = ["watch"]

POLL_S = 0.2
_KEYS = {
    **dict.fromkeys(("q", "Q"), "end"),
    **dict.fromkeys(("\x1b[D", "\x1bOD", "-", "h"), "shorter"),
    **dict.fromkeys(("\x1b[C", "\x1bOC", "+", "l"), "longer"),
}
_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red", "graph": "cyan", "keys": "dim", "plain": ""}


def watch(
    read: Callable[[], dict[str, Any] | str],
    *,
    ended: Callable[[], bool],
    about: Callable[[], list[Line]] = list,
    ask_chrony: bool = True,
) -> None:
    """Show what ``read`` gives (a status, or why there is none) until ``ended``, a key or a signal ends it.

    ``about``: more rows, on top. Without a terminal the last state is printed at the end. Raises UnavailableError
    without rich.
    """
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        raise missing_extra("--watch", "rich", "live") from None
    if isinstance(sys.stdout.encoding, str) and "utf" not in sys.stdout.encoding.lower():
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    state = _State()
    chrony = TrackingWatch(ask_every_s=5.0) if ask_chrony else None
    console = Console()
    on_terminal = console.is_terminal
    live = Live(console=console, screen=sys.stdout.isatty(), auto_refresh=False)
    try:
        with _signals(state), contextlib.suppress(OSError):  # of a terminal that has gone
            while not (state.ending or ended()):
                with _keyboard() as keyboard, live:
                    _show(state, read, ended, about, chrony, console, live, keyboard)
                if state.suspending:
                    _suspend(state)
    finally:
        if not on_terminal:
            print()  # rich ends the last state without one
        if chrony is not None:
            chrony.close()


class _State:
    """What signals and keys have asked for."""

    def __init__(self) -> None:
        self.ending = self.suspending = False
        self.window = 1
        self.history = History()
        self.began_s = time.monotonic()

    def press(self, key: str) -> None:
        what = _KEYS.get(key)
        if what == "end":
            self.ending = True
        elif what:
            self.window = min(len(WINDOWS_S) - 1, max(0, self.window + (1 if what == "longer" else -1)))


def _show(
    state: _State,
    read: Callable[[], dict[str, Any] | str],
    ended: Callable[[], bool],
    about: Callable[[], list[Line]],
    chrony: TrackingWatch | None,
    console: Any,
    live: Any,
    keyboard: int | None,
) -> None:
    """Until the end, or until the terminal is to be given back for a while."""
    drawn: Any = None
    drawn_s = 0.0
    while not (state.ending or state.suspending or ended()):
        found = read()
        look = (found, state.window, tuple(console.size))
        if look != drawn or time.monotonic() - drawn_s >= 1.0:
            drawn, drawn_s = look, time.monotonic()
            if isinstance(found, str):
                lines = [Line("state", found, "bad")]
            else:
                state.history.add(found)
                tracking = chrony.latest(time.monotonic()) if chrony else None
                asked = chrony is not None and (
                    tracking is not None or time.monotonic() - state.began_s > 5.0
                )
                lines = status_lines(found, Ages.of(found, _raw_ns()), tracking, asked=asked)
            live.update(_drawn([*about(), *lines], state, console, keyboard is not None), refresh=True)
        for key in _keys(keyboard):
            state.press(key)


def _drawn(lines: list[Line], state: _State, console: Any, has_keys: bool) -> Any:
    from rich.console import Group
    from rich.text import Text

    title = f"tcxo-host status  {time.strftime('%H:%M:%S')}"
    rows = screen(
        lines,
        state.history,
        now_s=_raw_ns() * 1e-9,
        window_s=WINDOWS_S[state.window],
        width=console.width,
        height=console.height - 1 if console.is_terminal else None,
        has_keys=has_keys,
    )
    drawn = [Text(title[: console.width], style="reverse")]
    for row in rows:
        text = Text(no_wrap=True, overflow="crop")
        if row.level != "keys":
            text.append(f"{row.label:11}", style="" if row.level == "graph" else "bold")
        drawn.append(text.append(row.text, style=_STYLES[row.level]))
    return Group(*drawn)


def _raw_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


@contextlib.contextmanager
def _signals(state: _State) -> Iterator[None]:
    """Each ends the watch in an orderly way, even where a shell's "&" has made us ignore SIGINT; Ctrl-Z suspends it."""

    def end(number: int, frame: FrameType | None) -> None:
        state.ending = True

    def suspend(number: int, frame: FrameType | None) -> None:
        state.suspending = True

    wanted = {signal.SIGINT: end, signal.SIGTERM: end, signal.SIGHUP: end, signal.SIGTSTP: suspend}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _suspend(state: _State) -> None:
    """As if nobody had caught Ctrl-Z; returns when a shell puts us into the foreground again."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)
    state.suspending = False


@contextlib.contextmanager
def _keyboard() -> Iterator[int | None]:
    """The descriptor from which keys come singly and unseen; None without a terminal, or in the background."""
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        if not sys.stdout.isatty() or os.tcgetpgrp(descriptor) != os.getpgrp():
            raise OSError
    except (OSError, ValueError, termios.error):
        yield None
        return
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _keys(keyboard: int | None) -> list[str]:
    """What was pressed; waits ``POLL_S`` at most. A terminal that has gone presses ``q``."""
    if keyboard is None:
        time.sleep(POLL_S)
        return []
    if not select.select([keyboard], [], [], POLL_S)[0]:
        return []
    text = os.read(keyboard, 1024).decode(errors="replace")
    if not text:
        return ["q"]
    keys = []
    while text:
        key = next((each for each in _KEYS if text.startswith(each)), text[0])
        keys.append(key)
        text = text[len(key) :]
    return keys
