"""``tcxo-host status``: how the running daemon is doing."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import paths

if TYPE_CHECKING:
    from .status_view import Line

__all__ = ["add_parser", "main"]

EXAMPLE = """\
It reads the file that the daemon writes once a second (output.status). The exit status is 0 while the daemon
runs, whatever its state, 69 when there is no status or the daemon that wrote it has gone; with --watch, as
it is at the end.

example:
  tcxo-host status
  tcxo-host status --watch
  tcxo-host status --json | jq .freq_error_ppm
"""
HISTORY = 60
POLL_S = 0.25
_FOREIGN = "its content is not what this version of tcxo-host writes"


def add_parser(subparsers: Any) -> None:
    """Add ``status`` and its options."""
    parser = subparsers.add_parser(
        "status",
        help="show how the running daemon is doing, once or on a live screen",
        description="Show how the running daemon is doing, from the status file that it writes.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--watch", action="store_true", help="a screen that updates in place (needs the extra 'live')"
    )
    parser.add_argument(
        "--json", action="store_true", help="the status as a JSON line; with --watch one for each new status"
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"the daemon's configuration, which names its file (default: {paths.CONFIG} where there is one)",
    )
    parser.add_argument("--file", metavar="PATH", help=f"the status file (default: {paths.STATUS})")
    parser.add_argument("--seconds", type=float, metavar="N", help="with --watch: end after N seconds")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Print it, or keep showing it."""
    from ..daemon.chronyc import read_tracking
    from ..errors import UnavailableError
    from .status_view import Ages, status_lines

    path = _path(args)
    if args.watch:
        return _watch(path, args.seconds, as_json=args.json)
    values = _read(path)
    ages = Ages.of(values, _now_ns())
    if args.json:
        print(json.dumps(values))
    else:
        for line in status_lines(values, ages, read_tracking(), {}):
            print(f"{line.label:10} {line.text}")
    return UnavailableError.exit_status if ages.is_stale else 0


def _path(args: argparse.Namespace) -> Path:
    from ..config.load import load_config
    from ..errors import ConfigError

    if args.file:
        return Path(args.file)
    config = args.config or (paths.CONFIG if Path(paths.CONFIG).exists() else None)
    if config is None:
        return Path(paths.STATUS)
    status = load_config(config).output.status
    if not status:
        raise ConfigError(f'{config}: the daemon writes no status: add status = "{paths.STATUS}" to [output]')
    return Path(status)


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def _read(path: Path) -> dict[str, Any]:
    from ..daemon.values import STATUS_VERSION
    from ..errors import DataError, UnavailableError
    from ..files import read_file
    from .status_view import Ages, status_lines

    try:
        values = json.loads(read_file(path))
        if (
            not isinstance(values, dict)
            or values.get("version") != STATUS_VERSION
            or "written_ns" not in values
        ):
            raise ValueError(_FOREIGN)
        status_lines(values, Ages.of(values, 0), None, {})
    except FileNotFoundError:
        raise UnavailableError(
            f"{path}: there is no status file: start the daemon (systemctl start tcxo-host),"
            " or name its file with --file"
        ) from None
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not a status file: {str(error)[:200]}") from None
    except (LookupError, TypeError, AttributeError, OverflowError):
        raise DataError(f"{path}: is not a status file: {_FOREIGN}") from None
    return values


def _watch(path: Path, seconds: float | None, *, as_json: bool) -> int:
    """Until told to stop; the terminal is left as it was found."""
    end = None if seconds is None else time.monotonic() + seconds
    # both end it and give the screen back, even where a shell's "&" has made us ignore SIGINT
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _print_json() if as_json else _screen() as show:
        for found in _statuses(path, end):
            show(found)
    return _exit_status(path)


def _exit_status(path: Path) -> int:
    """What a command without ``--watch`` would end with now."""
    from ..errors import TcxoError, UnavailableError
    from .status_view import Ages

    try:
        return UnavailableError.exit_status if Ages.of(_read(path), _now_ns()).is_stale else 0
    except TcxoError as error:
        return error.exit_status


def _statuses(path: Path, end: float | None) -> Iterator[dict[str, Any] | str]:
    """Each new status or, while there is none, what is wrong; the one at hand again each second, for its ages."""
    from ..errors import TcxoError

    last: Any = None
    shown = 0.0
    while end is None or time.monotonic() < end:
        found: dict[str, Any] | str
        try:
            found = _read(path)
        except TcxoError as error:
            found = str(error)  # the daemon may come (back) while we watch
        if found != last or time.monotonic() - shown >= 1.0:
            last, shown = found, time.monotonic()
            yield found
        time.sleep(POLL_S)


@contextlib.contextmanager
def _print_json() -> Iterator[Any]:
    last: Any = None

    def show(found: dict[str, Any] | str) -> None:
        nonlocal last
        if found != last:
            last = found
            if isinstance(found, str):
                print(f"tcxo-host: {found}", file=sys.stderr)
            else:
                print(json.dumps(found), flush=True)

    yield show


@contextlib.contextmanager
def _screen() -> Iterator[Any]:
    """Shows on the terminal's other screen; not on a terminal, the last state is printed at the end."""
    from ..daemon.chronyc import read_tracking
    from ..errors import missing_extra
    from .status_view import CLOCKS, Ages, Line, status_lines

    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        raise missing_extra("--watch", "rich", "live") from None
    history: dict[str, deque[float]] = {clock: deque(maxlen=HISTORY) for clock in CLOCKS}
    seen = None
    with Live(console=Console(), screen=sys.stdout.isatty(), auto_refresh=False) as live:

        def show(found: dict[str, Any] | str) -> None:
            nonlocal seen
            if isinstance(found, str):
                # the daemon's restart does not make another crystal: the history goes on
                live.update(_panel([Line("state", found, "bad")]), refresh=True)
                return
            if found["host_ns"] != seen:
                seen = found["host_ns"]
                for clock, (key, _) in CLOCKS.items():
                    if found[key] is not None:
                        history[clock].append(found[key])
            lines = status_lines(found, Ages.of(found, _now_ns()), read_tracking(), history)
            live.update(_panel(lines), refresh=True)

        yield show


def _panel(lines: list[Line]) -> Any:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "warn": "yellow", "bad": "bold red", "plain": ""}
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for line in lines:
        table.add_row(line.label, Text(line.text, style=styles[line.level]))
    return Panel(table, title=f"tcxo-host {time.strftime('%H:%M:%S')}", title_align="left")
