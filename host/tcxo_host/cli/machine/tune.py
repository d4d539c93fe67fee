"""``tcxo-host tune``: a quiet machine, point by point, and all of it back again."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...pi.root import Root
    from ...pi.tune.apply import Change
    from ..install import Runner

__all__ = ["add_parser", "main", "run"]

_EPILOG = """Governor "performance"; on a Pi 4 or CM4 an ARM clock of 600 MHz at least; the pulse's interrupt (found
by its name) and chronyd on one core, chronyd with real-time priority. What this machine lacks is left out, what was
there before is remembered.

example:
  tcxo-host tune --dry-run
  sudo tcxo-host tune
  sudo tcxo-host tune --undo
"""


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "tune",
        help="make this Pi a quiet machine, or undo that (root)",
        description="Takes away what disturbs the clock from inside the Pi, now and at each start.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--dry-run", action="store_true", help="show every file, value and command, change nothing"
    )
    what.add_argument("--undo", action="store_true", help="bring everything back and take the files away")
    what.add_argument(
        "--now", action="store_true", help="set the values, write no files (what the unit does)"
    )
    parser.add_argument(
        "--core", type=int, default=0, metavar="N", help="the core of the pulse and chronyd (default 0)"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite or remove files that were changed by hand"
    )
    parser.add_argument("--executable", metavar="PATH", help="the tcxo-host that the unit shall start")
    parser.add_argument("--root", default="/", metavar="DIR", help="work below DIR and run nothing")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run it on the tree that ``--root`` names."""
    from ...pi.root import Root

    return run(args, Root(args.root), lambda command: subprocess.run(command, check=False).returncode)


def run(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    """Do it; 0, or 1 when a command failed. A point that the kernel refuses is told and is no failure."""
    from ...errors import UsageError
    from ...pi.tune.apply import apply_points
    from ...pi.tune.points import count_cores

    if not 0 <= args.core < count_cores(root):
        raise UsageError(f"--core {args.core}: this machine has cores 0 to {count_cores(root) - 1}")
    if args.undo:
        return _undo(args, root, runner)
    if args.now:
        _show(apply_points(root, args.core))
        return 0
    return _tune(args, root, runner)


def _tune(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    from ...errors import OutputError
    from ...pi.chrony.config import main_file
    from ...pi.install.choices import installed_executable
    from ...pi.install.files import install_steps, write_steps
    from ...pi.tune.apply import apply_points
    from ...pi.tune.points import count_cores
    from ...pi.tune.service import tune_plan
    from ..install import run_commands, show_steps

    executable = installed_executable(args.executable, root.is_live)
    plan = tune_plan(executable, args.core, count_cores(root), chrony=main_file(root) is not None)
    steps = install_steps(root, plan, args.force)
    show_steps(steps, contents=args.dry_run)
    if args.dry_run:
        _show(apply_points(root, args.core, dry_run=True))
        for command in plan.commands:
            print(f"run     {' '.join(command)}")
        return 0
    if steps.blocked:
        raise OutputError(
            f"{', '.join(steps.blocked)}: changed by hand: nothing was written; --force overwrites"
        )
    write_steps(root, steps)
    _show(apply_points(root, args.core))
    return 1 if root.is_live and run_commands(plan.commands, runner) else 0


def _undo(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    from ...pi.install.files import uninstall_steps, write_steps
    from ...pi.tune.apply import undo_points
    from ...pi.tune.service import CHRONY_DROP_IN, FILES, UNIT, UNIT_FILE
    from ..install import run_commands, show_steps

    was_there = {path for path in FILES if root.exists(path)}
    before: Sequence[Sequence[str]] = [("systemctl", "disable", UNIT)] if UNIT_FILE in was_there else []
    failed = run_commands(before, runner) if root.is_live else 0
    steps = uninstall_steps(root, args.force, only=FILES)
    write_steps(root, steps)
    show_steps(steps)
    _show(undo_points(root))
    after: list[Sequence[str]] = [("systemctl", "daemon-reload")] if was_there else []
    after += [("systemctl", "try-restart", "chrony.service")] if CHRONY_DROP_IN in was_there else []
    failed += run_commands(after, runner) if root.is_live else 0
    return 1 if failed else 0


def _show(changes: Sequence[Change]) -> None:
    for change in changes:
        if change.problem:
            print(f"tcxo-host: {change.path}: {change.problem}", file=sys.stderr)
        else:
            print(f"set     {change.path}: {change.before} -> {change.after}")
