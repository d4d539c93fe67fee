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

--benefit lets the daemon hold the file in every second block, by chance, and compares what chrony logged: chrony
goes on by itself there, as without compensation, and afterwards the file goes on without a jump. Ctrl-C ends it;
whatever happens to it, compensation is on half a minute later (over ssh: nohup). It needs 'log tracking' in chrony's
configuration; 'log tracking statistics refclocks' shows more. Alerts on the age of the file's last value should take
tcxo_trial_held out, as the one in host/grafana does.

exit status: 0 right crystal, or it helps; 1 nothing can be said yet, or no difference seen; 2 something is wrong, or
it harms; others as for 'tcxo-host --help'.

example:
  sudo tcxo-host prove --crystal --warm
  sudo tcxo-host prove --crystal --hours 8 --json
  sudo tcxo-host prove --benefit --hours 24 --block 30m -o report.html
"""
CRYSTAL_S = 3600.0
BENEFIT_S = 86400.0
SETTLE_S = 600.0
LEAST_BLOCK_S = 20.0
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
    what.add_argument(
        "--benefit", action="store_true", help="by how much are chrony's offsets smaller with it? (24 h)"
    )
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--hours", type=float, metavar="N", help="how long")
    how_long.add_argument("--minutes", type=float, metavar="N", help="how long")
    parser.add_argument("--warm", action="store_true", help="--crystal: load the CPU for ten minutes of it")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="--crystal: go on with a run that was interrupted under 30 min ago",
    )
    parser.add_argument(
        "--block", default="30m", metavar="TIME", help="--benefit: a block's length (default 30m)"
    )
    parser.add_argument(
        "--settle",
        metavar="TIME",
        help="--benefit: left out at each block's start (default 10m, at most a third)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="--benefit: the same order of blocks again")
    parser.add_argument("--logs", metavar="DIR", help="--benefit: chrony's logs (default: its logdir)")
    parser.add_argument("-o", "--output", metavar="FILE", help="--benefit: also write a page, - for stdout")
    parser.add_argument(
        "--again",
        action="store_true",
        help="--benefit: compare the last run's blocks once more, as after a crash",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--config", metavar="FILE", help=f"the daemon's TOML configuration (default: {paths.CONFIG})"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the trial that was asked for."""
    if args.crystal and (args.output or args.again or args.logs):
        raise UsageError("--output, --logs and --again are of --benefit")
    if args.benefit and (args.warm or args.resume):
        raise UsageError("--warm and --resume are of --crystal")
    if args.json and args.output == "-":
        raise UsageError("--json and a page both want stdout: give the page a file")
    if args.crystal:
        from .run_crystal import run_crystal

        return run_crystal(args, _how_long(args, CRYSTAL_S))
    from .run_benefit import run_benefit

    block_s = seconds_of(args.block)
    if block_s < LEAST_BLOCK_S:
        raise UsageError(f"--block takes at least {LEAST_BLOCK_S:g}s")
    settle_s = min(SETTLE_S, block_s / 3) if args.settle is None else seconds_of(args.settle)
    return run_benefit(args, _how_long(args, BENEFIT_S), block_s, settle_s)


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
