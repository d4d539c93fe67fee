"""``tcxo-host uninstall``: remove what install wrote, and nothing else."""

from __future__ import annotations

import argparse
import os
import subprocess
from typing import TYPE_CHECKING, Any

from ..config import paths

if TYPE_CHECKING:
    from ..pi.root import Root
    from .install import Runner

__all__ = ["add_parser", "main", "run"]

_EPILOG = """chronyd keeps applying the last value until it is restarted, which this does.

example:
  sudo tcxo-host uninstall
"""

_UNITS_ON_REQUEST = (
    "tcxo-host-tune.service",
    "tcxo-host-heat.service",
    "tcxo-host-phc2sys.service",
    "tcxo-host-ptp4l.service",
)
_AFTER = (
    ("systemctl", "daemon-reload"),
    ("udevadm", "control", "--reload"),
    ("systemctl", "try-restart", "chrony.service"),
)


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "uninstall",
        help="remove what install wrote (root)",
        description="Stops the services and removes the files that install wrote; changed ones stay.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would go, change nothing")
    parser.add_argument("--force", action="store_true", help="remove files that were changed by hand, too")
    parser.add_argument("--root", default="/", metavar="DIR", help="remove below DIR and run nothing")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Uninstall from the tree that ``--root`` names."""
    from ..pi.root import Root

    return run(args, Root(args.root), lambda command: subprocess.run(command, check=False).returncode)


def run(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    """Stop, remove, reload; 0, or 1 when a command failed."""
    from ..errors import UnavailableError
    from ..pi.install.files import uninstall_steps, write_steps
    from ..pi.install.instance import instance_names, output_of
    from ..pi.tune.apply import undo_points
    from .install import run_commands, show_steps

    if not root.exists(paths.MANIFEST):
        raise UnavailableError(f"{paths.MANIFEST} is not there: nothing was installed by 'tcxo-host install'")
    steps = uninstall_steps(root, args.force)
    show_steps(steps)
    if args.dry_run:
        return 0
    instances = instance_names(root)
    own = ["tcxo-host.service"] + ["tcxo-host-pwm.service"] * root.exists(paths.PWM_UNIT)
    own += [f"tcxo-host@{name}.service" for name in instances]
    extra = [unit for unit in _UNITS_ON_REQUEST if root.exists(f"{paths.UNITS}/{unit}")]
    failed = run_commands([("systemctl", "disable", "--now", *extra, *own)], runner) if root.is_live else 0
    undo_points(root)
    write_steps(root, steps)
    for step in steps.steps:
        if step.why == "words put back" and step.action == "write":
            print(f"note    {step.path} is as it was: reboot once, so that the console is there again")
    _remove_link(root, paths.OUTPUT, paths.REAL_OUTPUT)
    for name in instances:
        _remove_link(root, output_of(name), f"/run/tcxo-host-{name}/tcxo")
    if root.is_live:
        apparmor = [("apparmor_parser", "-r", paths.APPARMOR_PROFILE)]
        after = apparmor if root.exists(apparmor[0][2]) else []
        failed += run_commands([*after, *_AFTER], runner)
    return 1 if failed else 0


def _remove_link(root: Root, name: str, target: str) -> None:
    """The link ``name`` in /run to our file goes with it; a real file of that name is not ours."""
    folder, _, last = name.rpartition("/")
    link = root.path(folder) / last
    if link.is_symlink() and os.readlink(link) in (target, target.removeprefix("/run/")):
        link.unlink()
