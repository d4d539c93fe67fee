"""``tcxo-host status``: how the running daemon is doing."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import paths

__all__ = ["add_parser", "main", "read_or_problem"]

EXAMPLE = """\
It reads the file that the daemon writes once a second (output.status). The exit status is 0 while the daemon
runs, whatever its state, 69 when there is no status or the daemon that wrote it has gone; with --watch, as
it is at the end.

example:
  tcxo-host status
  tcxo-host status --watch
  tcxo-host status --json | jq .freq_error_ppm
"""
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
        "--watch",
        action="store_true",
        help="a screen that updates in place, with graphs: q ends, arrows change what they span (needs the extra"
        " 'live')",
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
        for line in status_lines(values, ages, read_tracking()):
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
        status_lines(values, Ages.of(values, 0), None)
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
    from .watch import watch

    end = None if seconds is None else time.monotonic() + seconds

    def ended() -> bool:
        return end is not None and time.monotonic() >= end

    if as_json:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            _print_each(path, ended)
    else:
        watch(lambda: read_or_problem(path), ended=ended)
    return _exit_status(path)


def read_or_problem(path: Path) -> dict[str, Any] | str:
    """The status in the file or, while there is none, what is wrong: the daemon may come (back) while we watch."""
    from ..errors import TcxoError

    try:
        return _read(path)
    except TcxoError as error:
        return str(error)


def _exit_status(path: Path) -> int:
    """What a command without ``--watch`` would end with now."""
    from ..errors import TcxoError, UnavailableError
    from .status_view import Ages

    try:
        return UnavailableError.exit_status if Ages.of(_read(path), _now_ns()).is_stale else 0
    except TcxoError as error:
        return error.exit_status


def _print_each(path: Path, ended: Callable[[], bool]) -> None:
    """A JSON line for each new status."""
    last: Any = None
    while not ended():
        found = read_or_problem(path)
        if found != last:
            last = found
            if isinstance(found, str):
                print(f"tcxo-host: {found}", file=sys.stderr)
            else:
                print(json.dumps(found), flush=True)
        time.sleep(POLL_S)
