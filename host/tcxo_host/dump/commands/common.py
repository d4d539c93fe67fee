"""What the subcommands share: naming sources, reading them with a progress bar, reporting what was unreadable."""

from __future__ import annotations

import argparse
import contextlib
import errno
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from ...errors import DataError, OutputError

if TYPE_CHECKING:
    from ...capture.source import Sources
    from ..progress import Progress

__all__ = [
    "Stop",
    "add_command",
    "add_sources",
    "complain",
    "finish",
    "open_sources",
    "open_text",
    "period_s",
    "positive_s",
]


class Stop:
    """Turns SIGTERM and SIGINT into a flag, so that a recording ends with its file closed."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        return self.requested

    def listen(self) -> Stop:
        """From now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        return self

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


def add_command(subparsers: Any, name: str, help: str, example: str, description: str = "") -> Any:
    """A subparser with an example under its help."""
    return subparsers.add_parser(
        name,
        help=help,
        description=description or help[0].upper() + help[1:] + ".",
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_sources(parser: Any, at_least: int = 1) -> None:
    """FILE... and the options of live links; ``at_least`` 0 where chrony's logs may do without."""
    parser.add_argument(
        "files",
        nargs="+" if at_least else "*",
        metavar="FILE",
        help="captures in order (plain, .gz, .zst), a directory of them, - for stdin,"
        " a live link (serial:/dev/ttyACM0), or a simulated board (sim:SCENARIO[:SEED])",
    )
    parser.add_argument(
        "--seconds", type=positive_s, metavar="N", help="of a link or simulation, stop after N seconds"
    )
    parser.add_argument(
        "--last", metavar="PERIOD", type=period_s, help="only the last 10m, 1h, 1d... until now"
    )
    parser.add_argument("--baud", type=int, default=115200, help="line rate of a UART (USB ignores it)")


@contextlib.contextmanager
def open_sources(
    args: argparse.Namespace, what: str, progress: Progress | None = None, **more: Any
) -> Iterator[Sources]:
    """The sources named on the command line, with a progress bar. Ctrl-C and SIGTERM end a live one as its
    end would."""
    from ...capture.live import is_link
    from ...capture.source import Sources
    from ..progress import Progress

    stop = Stop()
    if any(is_link(name) for name in args.files) or more.get("follow"):
        stop.listen()
    with progress or Progress(what) as shown:
        yield Sources(
            args.files,
            seconds=args.seconds,
            baud=args.baud,
            stopping=stop,
            progress=shown.advance,
            since_utc_ns=None if args.last is None else time.time_ns() - round(args.last * 1e9),
            **more,
        )


def positive_s(text: str) -> float:
    """A number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of seconds above 0")
    return seconds


@contextlib.contextmanager
def open_text(path: str) -> Iterator[IO[str]]:
    """A text file for writing, ``-`` for stdout. Raises OutputError, also for a disk that is full later."""
    if path == "-":
        yield sys.stdout
        return
    is_open = False
    try:
        with open(path, "w", encoding="utf8") as file:
            is_open = True
            yield file
    except OSError as error:
        if is_open and error.errno != errno.ENOSPC:
            raise  # of what was read meanwhile
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def period_s(text: str) -> float:
    """``90``, ``10m``, ``1h``, ``1d`` as seconds."""
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:], 0)
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = 0.0
    if not seconds >= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a period such as 10m, 1h or 1d")
    return seconds


def complain(text: str) -> None:
    """One line on stderr."""
    print(f"tcxo-dump: {text}", file=sys.stderr)


def finish(problems: list[str]) -> int:
    """Say what could not be read; the exit status that tells so."""
    sys.stdout.flush()
    for problem in problems:
        complain(problem)
    return DataError.exit_status if problems else 0
