"""``tcxo-host install``: services, chrony, AppArmor and the PWM's overlay, set up on this Pi."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..config import paths

if TYPE_CHECKING:
    from ..pi.install.files import Steps
    from ..pi.install.plan import Plan
    from ..pi.root import Root

__all__ = ["Runner", "add_parser", "main", "run", "run_commands", "show_steps"]


Runner = Callable[[Sequence[str]], int]

_EPILOG = """A file that was changed by hand is never overwritten without --force.

example:
  tcxo-host install --dry-run
  sudo tcxo-host install --link serial:/dev/ttyACM0 --chrony ntp
  sudo tcxo-host install --link i2c:1:0x55
  sudo tcxo-host install --source uart:/dev/ttyS0
  sudo tcxo-host install --instance attic --link serial:/dev/ttyACM1
  sudo tcxo-host install --ptp server --interface eth0
  sudo tcxo-host install --ptp client        (another machine; it needs no board)
"""


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "install",
        help="set up services, chrony and the PWM on this Pi (root)",
        description="Writes units, chrony's and AppArmor's configuration and the PWM overlay, then starts all.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="show every file and command, change nothing")
    parser.add_argument(
        "--upgrade", action="store_true", help="install again as the last time, with this version's files"
    )
    parser.add_argument(
        "--link",
        metavar="URL",
        help="the board: serial:DEVICE or i2c:BUS:ADDRESS (default: the one that is plugged in)",
    )
    parser.add_argument(
        "--source",
        metavar="SIGNAL",
        help="what the board measures: pwm, uart (this model's own) or uart:DEVICE (default: pwm; on a Pi 5, uart)",
    )
    parser.add_argument(
        "--instance",
        metavar="NAME",
        help="set up a second daemon for a second board, tcxo-host@NAME, beside the one that is chrony's; needs --link",
    )
    parser.add_argument("--pin", type=int, default=12, metavar="GPIO", help="the PWM's GPIO (default 12)")
    parser.add_argument(
        "--chrony",
        choices=("tempcomp", "ntp", "gpsd", "gpsd-shm", "phc"),
        help="reference clocks for a stratum 1 server (default: ntp with a /dev/pps0 where chrony has no"
        " reference clock yet, else only tempcomp)",
    )
    parser.add_argument(
        "--refclock", action="store_true", help="hand chrony a reference clock instead of the tempcomp file"
    )
    parser.add_argument(
        "--phase",
        action="store_true",
        help="hand chrony GPS time itself as well (Pi 2 to 4), not only the frequency",
    )
    parser.add_argument(
        "--ptp",
        choices=("server", "client"),
        help="server: also serve PTP from this clock; client: only follow such a server (linuxptp)",
    )
    parser.add_argument("--interface", metavar="NAME", help="the wired interface for --ptp (default: eth0)")
    parser.add_argument("--measure-only", action="store_true", help="measure, but leave chrony alone")
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that were changed by hand; add a refclock twice"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="what is done to which file, commands and notes, as one JSON object",
    )
    parser.add_argument("--executable", metavar="PATH", help="the tcxo-host that the units shall start")
    parser.add_argument("--model", metavar="KEY", help="take this model instead of asking the device tree")
    parser.add_argument("--root", default="/", metavar="DIR", help="write below DIR and run nothing")
    parser.set_defaults(main=main, defaults=vars(parser.parse_args([])))


def main(args: argparse.Namespace) -> int:
    """Install on the tree that ``--root`` names."""
    from ..pi.root import Root

    # what the commands say is not ours to mix with a JSON object
    stdout = sys.stderr if args.json else None
    return run(
        args, Root(args.root), lambda command: subprocess.run(command, check=False, stdout=stdout).returncode
    )


def run(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    """Plan, show, write, start; 0, or 1 when a command failed (it is named, with what to do)."""
    from ..errors import OutputError
    from ..pi.install.choices import choose_instance_plan, choose_plan, take_as_last_time, to_remember
    from ..pi.install.files import install_steps, write_steps

    if args.upgrade:
        take_as_last_time(args, root)
    plan, found = choose_plan(args, root) if args.instance is None else (choose_instance_plan(args, root), ())
    steps = install_steps(root, plan, args.force, to_remember(args, root))
    if args.json and args.dry_run:
        print(json.dumps(_values(steps, plan, [*found, *_notes(plan, steps)], None)))
    if not args.json:
        for note in found:
            print(f"note    {note}")
    if args.dry_run and not args.json:
        show_steps(steps, contents=True)
        for command in plan.commands:
            print(f"run     {' '.join(command)}")
    if steps.blocked:
        raise OutputError(
            f"{', '.join(steps.blocked)}: changed since installed, or not ours: nothing was written;"
            " look with --dry-run, then --force overwrites"
        )
    if args.dry_run:
        return 0
    write_steps(root, steps)
    if not args.json:
        show_steps(steps)
    failed = run_commands(plan.commands, runner) if root.is_live else 0
    notes = [*_notes(plan, steps), *_kept_settings(args, root, steps)]
    if args.json:
        print(json.dumps(_values(steps, plan, [*found, *notes], failed)))
        return 1 if failed else 0
    for note in notes:
        print(f"note    {note}")
    print("next    tcxo-host doctor" if not failed else "next    mend what failed, then install again")
    if not failed and not args.measure_only and args.ptp != "client":
        print(
            "next    sudo tcxo-host prove --crystal --warm, before you rely on it: is it this system's crystal?"
        )
    return 1 if failed else 0


def _values(steps: Steps, plan: Plan, notes: Sequence[str], failed: int | None) -> dict[str, Any]:
    """``failed``: how many of the commands did; None: a dry run, nothing was written or run."""
    files = [{"path": step.path, "action": step.action, "why": step.why} for step in steps.steps]
    return {
        "done": failed is not None,
        "files": files,
        "blocked": list(steps.blocked),
        "commands": [list(command) for command in plan.commands],
        "failed": failed,
        "notes": list(notes),
    }


def show_steps(steps: Steps, contents: bool = False) -> None:
    """One line a file; with ``contents``, what would stand in it."""
    for step in steps.steps:
        print(f"{step.action:<7} {step.path}{f' ({step.why})' if step.why else ''}")
        if contents and step.action in ("write", "blocked") and step.content:
            print("".join(f"        | {line}\n" for line in step.content.splitlines()), end="")


def run_commands(commands: Sequence[Sequence[str]], runner: Runner) -> int:
    """Run in order; chrony is not restarted after its configuration was refused. How many failed."""
    failed, refused = 0, False
    for command in commands:
        if refused and "chrony.service" in command:
            continue
        try:
            status = runner(command)
        except OSError as error:
            print(f"tcxo-host: {command[0]}: {error.strerror}", file=sys.stderr)
            status = 127
        if status == 0:
            continue
        failed += 1
        refused = refused or command[0] == "chronyd"
        print(f"tcxo-host: failed with status {status}: {' '.join(command)}", file=sys.stderr)
    return failed


def _kept_settings(args: argparse.Namespace, root: Root, steps: Steps) -> list[str]:
    """What an edited configuration file, which stays as it is, still lacks for what was asked for."""
    from ..config.load import load_config

    if not any(step.path == paths.CONFIG and step.action == "keep" for step in steps.steps):
        return []
    config = load_config(str(root.path(paths.CONFIG)))
    lacks = []
    if args.phase and not config.phase.enabled:
        lacks.append("enabled = true under [phase]")
    if args.refclock and not config.output.sock:
        lacks.append("sock = true under [output]")
    if args.ptp == "server" and not config.ptp.enabled:
        lacks.append("enabled = true under [ptp]")
    return [f"{paths.CONFIG} was edited and stays: write there {each}" for each in lacks]


def _notes(plan: Plan, steps: Steps) -> list[str]:
    written = {step.path for step in steps.steps if step.action == "write"}
    return [note for note in plan.notes if "reboot" not in note or note.split(" ")[0] in written]
