"""``tcxo-host prove``: its options."""

from __future__ import annotations

import argparse
import re
from typing import Any

from ...config import paths
from ...errors import UsageError

__all__ = ["add_parser", "main", "seconds_of"]

EXAMPLE = """\
--crystal only measures: what the board sees of the crystal must be what chrony corrects. It needs a daemon that
tracks and a chrony that follows GPS, or other good sources for longer. With --warm idle processor time is used up
for ten minutes, which moves a Pi's crystal by tenths of a ppm. As root the verdict is kept for 'tcxo-host doctor'.

exit status: 0 right crystal, 1 nothing can be said yet, 2 something is wrong; others as for 'tcxo-host --help'.

example:
  sudo tcxo-host prove --crystal --warm
  sudo tcxo-host prove --crystal --hours 8 --json
"""
CRYSTAL_S = 3600.0
_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "prove",
        help="show on this machine that the board measures the right crystal, and what it is worth",
        description="Show on this machine that the board measures the system clock's crystal, and what it is worth.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--crystal", action="store_true", help="does the line carry the system clock's crystal? (1 h)"
    )
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--hours", type=float, metavar="N", help="how long")
    how_long.add_argument("--minutes", type=float, metavar="N", help="how long")
    parser.add_argument("--warm", action="store_true", help="--crystal: load the CPU for ten minutes of it")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--config", metavar="FILE", help=f"the daemon's TOML configuration (default: {paths.CONFIG})"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the trial that was asked for."""
    from .run_crystal import run_crystal

    return run_crystal(args, _how_long(args, CRYSTAL_S))


def seconds_of(text: str) -> float:
    """``90s``, ``30m``, ``2h`` in seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|m|h)", text.strip())
    if not found:
        raise UsageError(f"{text!r} is no duration: write 90s, 30m or 2h")
    return float(found[1]) * _UNITS_S[found[2]]


def _how_long(args: argparse.Namespace, usual_s: float) -> float:
    seconds = usual_s
    if args.hours is not None:
        seconds = args.hours * 3600
    elif args.minutes is not None:
        seconds = args.minutes * 60
    if not 0 < seconds <= 31 * 86400:
        raise UsageError("--hours and --minutes take more than nothing and at most a month")
    return seconds
