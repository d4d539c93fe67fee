"""``tcxo-dump show``: edges, one a line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from .common import add_command, add_sources, finish, open_sources

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump show bench.tcxocap --channel gps_pps          # 3.999672500000 chA: TimeLab's and TICC's form
  tcxo-dump show serial:/dev/ttyACM0 --format ticks
  tcxo-dump show today.tcxocap --follow --format records
"""
NOTE = """\
Edges, one a line, in the order received. chA is gps_pps, chB rtc_pps, chC host_pwm, chD aux, chE
ref_pps.
  timelab  seconds of the board's counter at its nominal rate, and the channel
  ticks    the channel's name, the edge's running number, the counter
  records  everything the board sends, a line a record and a line an edge
"""


def add_parser(subparsers: Any) -> None:
    """Add ``show``."""
    parser = add_command(subparsers, "show", "print edges, one a line", EXAMPLE, NOTE)
    add_sources(parser)
    parser.add_argument(
        "--channel",
        action="append",
        metavar="ROLE",
        help="only gps_pps, rtc_pps, host_pwm, ref_pps or aux; repeatable",
    )
    parser.add_argument("--format", choices=("timelab", "ticks", "records"), default="timelab")
    parser.add_argument("--follow", action="store_true", help="go on as the last file grows")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Print until the end, or until told to stop."""
    from ...errors import UsageError
    from ..formats.edge_lines import ROLES, EdgeLines
    from ..progress import Progress

    unknown = [role for role in args.channel or [] if role not in ROLES]
    if unknown:
        raise UsageError(f"--channel {unknown[0]}: expected one of {', '.join(ROLES)}")
    lines = EdgeLines(args.format, set(args.channel or ROLES))
    progress = Progress("show", quiet=sys.stdout.isatty())
    with open_sources(args, "show", progress, follow=args.follow) as sources:
        live = sources.is_live or args.follow
        for entry in sources.entries():
            _write(lines.of(entry))
            if live:
                sys.stdout.flush()
    return finish(sources.problems)


def _write(lines: Iterator[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
