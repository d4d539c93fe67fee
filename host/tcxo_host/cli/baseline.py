"""``tcxo-host baseline``: show, set or clear the part of the error that is left to chrony."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from ..config import paths

if TYPE_CHECKING:
    from ..publish.baseline import StoredBaseline

__all__ = ["add_parser", "main"]

EXAMPLE = """\
What is written for chrony is minus (frequency error - baseline); chrony takes at most ±10 ppm. "auto"
(output.baseline in the configuration) decides once: 0 while the error is within ±5 ppm, else the error
rounded; beside a chronyd that has found its frequency already so that the file begins at 0. It moves only
after seconds without a value, by what chrony took up in the meantime. After a change by hand restart the
daemon: chrony sees the difference as a step of frequency and needs some minutes to take it over.

example:
  tcxo-host baseline
  sudo tcxo-host baseline --set 23 && sudo systemctl restart tcxo-host
"""


def add_parser(subparsers: Any) -> None:
    """Add ``baseline`` and its options."""
    parser = subparsers.add_parser(
        "baseline",
        help="show, set or clear the part of the error that is left to chrony",
        description="Show the stored baseline, or change it, and say what chrony will see.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--set", type=float, metavar="PPM", help="leave PPM of the frequency error to chrony")
    change.add_argument("--clear", action="store_true", help="forget it: the daemon decides anew")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"the daemon's TOML configuration (default: {paths.CONFIG} where there is one)",
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="the daemon's state file, beside which baseline.json holds the baseline"
        " (default: state.path of the configuration)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Show or change the baseline. Raises ConfigError, UsageError or OutputError."""
    import os

    from ..config.load import load_config
    from ..config.settings import Config
    from ..daemon.state_file import baseline_file, load_baseline, save_baseline
    from ..errors import ConfigError, OutputError, UsageError
    from ..publish.baseline import NOT_APPLIED_YET, StoredBaseline
    from ..publish.policy import LARGEST_PPM

    if args.config:
        config = load_config(args.config)
    else:
        config = load_config(paths.CONFIG) if os.path.exists(paths.CONFIG) else Config()
    path = args.state or config.state.path
    if not path:
        raise ConfigError(
            "no state file is configured, so no baseline is kept: set state.path, or give --state"
        )
    if args.set is not None and not abs(args.set) <= LARGEST_PPM:
        raise UsageError(f"--set {args.set:g}: a crystal is off by ±{LARGEST_PPM:g} ppm at most")
    file = baseline_file(path)
    before, problem = load_baseline(file)
    if problem:
        print(problem, file=sys.stderr if args.json else sys.stdout)
    changed = args.clear or args.set is not None
    if changed:
        # Set by hand, it holds for every board, until the kernel (and with it perhaps the PWM's rate) changes.
        after = None if args.clear else StoredBaseline(args.set, "", os.uname().release, NOT_APPLIED_YET)
        problem = save_baseline(file, after)
        if problem:
            raise OutputError(f"{problem}: run this as root")
    else:
        after = before
    if args.json:
        print(json.dumps(_values(after, str(file.path), config.output.baseline_ppm())))
        return 0
    print(_shown(after, file.path))
    if config.output.baseline != "auto":
        print(f"not in use: the configuration says output.baseline = {config.output.baseline:g}")
    elif changed:
        print(_step(before, after))
    return 0


def _values(stored: StoredBaseline | None, path: str, fixed_ppm: float | None) -> dict[str, Any]:
    """``stored_ppm`` None: the daemon decides; ``fixed_ppm``: the configuration's, which then holds instead."""
    return {
        "file": path,
        "stored_ppm": stored.ppm if stored else None,
        "board_id": stored.board_id if stored else None,
        "kernel": stored.kernel if stored else None,
        "note": stored.note if stored else None,
        "fixed_ppm": fixed_ppm,
    }


def _shown(stored: StoredBaseline | None, path: Any) -> str:
    if stored is None:
        return (
            f"no baseline in {path}: the daemon's first good estimate decides (0 within ±5 ppm, else rounded)"
        )
    scope = f"board {stored.board_id}" if stored.board_id else "any board"
    return (
        f"baseline {stored.ppm:+g} ppm ({scope}, kernel {stored.kernel}):"
        f" chrony sees minus (error {-stored.ppm:+g} ppm) and finds the other {stored.ppm:+g} ppm itself"
        + (f"\nlast moved: {stored.note}" if stored.note else "")
    )


def _step(before: StoredBaseline | None, after: StoredBaseline | None) -> str:
    restart = "restart the daemon to apply it (systemctl restart tcxo-host)"
    if before is None or after is None:
        return f"{restart}; chrony sees a step by the difference to the baseline in use"
    return f"{restart}; chrony then sees a step of {after.ppm - before.ppm:+g} ppm"
