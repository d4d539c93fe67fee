"""The command ``tcxo-dump``: what a board sends, for people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ..cli.program import Parser, run_command
from .commands import compare, export, import_, info, plot, record, replay, show, stability, stats

__all__ = ["build_parser", "main"]

EPILOG = """\
A FILE may be a capture (plain, .gz or .zst), - for stdin, a live link such as serial:/dev/ttyACM0, or a
simulated board such as sim:day.
The exit status is 65 when a file was cut off, damaged or not a capture; what could be read is used all the same.

example:
  tcxo-dump record --link serial:/dev/ttyACM0 -o bench.tcxocap --seconds 600
  tcxo-dump replay bench.tcxocap --csv rows.csv
"""

_COMMANDS = (record, info, show, stats, stability, plot, compare, export, import_, replay)


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        prog="tcxo-dump",
        description="Record, read, analyse, draw and replay what a board sends.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tcxo-dump {version('tcxo-host')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tcxo-dump`` with ``argv``; return its exit status."""
    return run_command(_parse(build_parser(), argv), "tcxo-dump")


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """As ``parse_args``; files may also follow options that follow other words, which argparse cannot do."""
    args, left = parser.parse_known_args(argv)
    if left and (not hasattr(args, "files") or any(each.startswith("-") and each != "-" for each in left)):
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if left:
        args.files = [*args.files, *left]
    return args


if __name__ == "__main__":
    sys.exit(main())
