"""``tcxo-host heat``: the Pi's own crystal oven. Learn its curve, hold its temperature, show, switch off."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ....pi.root import Root
    from ...install import Runner

__all__ = ["add_parser", "main", "run"]

_EPILOG = """Burns CPU time that nobody wants, on purpose: 1 to 4 W. It stops, with status 75, at the hard limit, at
under-voltage or throttling, and when the sensor is silent, stuck or jumps. Ctrl-C ends it; nothing burns then.

  watch   records without burning, for the "before" of the plot
  learn   sweeps the load for hours; curve, lag and turnover, and the set-point that is within reach
  hold    holds the set-point; with --install by a service of its own, from now on and at each start
  status  what it does and costs
  off     stops the service and takes it away

example:
  tcxo-host heat learn --simulate --dir /tmp/oven
  sudo systemd-run --unit tcxo-heat-learn --pipe tcxo-host heat learn --hours 8
  sudo tcxo-host heat hold --install
  tcxo-host heat status
  tcxo-dump plot heat --heat /var/lib/tcxo-host-heat/hold.jsonl -o heat.svg
"""
_ACTIONS = ("watch", "learn", "hold", "status", "off")


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "heat",
        help="the Pi as a crystal oven: learn, hold, status, off",
        description="Learns how the Pi's crystal follows the CPU's temperature, and holds that steady.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=_ACTIONS, nargs="?", default="status")
    parser.add_argument("--hours", type=float, metavar="H", help="how long (learn: 6; others: until Ctrl-C)")
    parser.add_argument(
        "--cores", metavar="LIST", help="cores that may burn, such as 1-3 (default: all but 0)"
    )
    parser.add_argument(
        "--limit", type=float, default=75.0, metavar="C", help="nothing burns at or above it (default 75 °C)"
    )
    parser.add_argument(
        "--set-point", type=float, metavar="C", help="hold this one instead of the learned one"
    )
    parser.add_argument(
        "--no-walk", action="store_true", help="leave the set-point where it is, whatever slope is measured"
    )
    parser.add_argument("--fit-only", action="store_true", help="learn: fit the record that is there")
    parser.add_argument("--simulate", action="store_true", help="on a simulated Pi, as fast as it goes")
    parser.add_argument("--dir", metavar="DIR", help="records and status (default: /var/lib/tcxo-host-heat)")
    parser.add_argument(
        "--textfile", metavar="FILE", help="metrics for node_exporter, such as /run/heat.prom"
    )
    parser.add_argument("--install", action="store_true", help="hold: as a service (root)")
    parser.add_argument("--executable", metavar="PATH", help="the tcxo-host that the service shall start")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run it on this machine."""
    from ....pi.root import Root

    return run(args, Root(), lambda command: subprocess.run(command, check=False).returncode)


def run(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    """Do ``args.action``."""
    from ....errors import UsageError

    if not 40.0 <= args.limit <= 85.0:
        raise UsageError(f"--limit {args.limit:g}: a Pi throttles at 80 to 85 °C: choose 40 to 85")
    if args.hours is not None and not 0.0 < args.hours <= 1000.0:
        raise UsageError(f"--hours {args.hours:g}: choose more than 0, at most 1000")
    if args.set_point is not None and not 20.0 <= args.set_point <= args.limit - 2.0:
        raise UsageError(
            f"--set-point {args.set_point:g}: choose 20 to {args.limit - 2:g}, 2 K below --limit"
        )
    if args.action == "status":
        return _status(args)
    if args.action == "off":
        return _off(root, runner)
    if args.action == "hold" and args.install:
        return _install(args, root, runner)
    from ...run import set_up_logging
    from .work import learn, work

    set_up_logging("info")
    return learn(args, root) if args.action == "learn" else work(args, root)


def _status(args: argparse.Namespace) -> int:
    from ....errors import DataError, UnavailableError
    from ....files import read_file
    from ....pi.heat.paths import HeatPaths
    from ....pi.heat.report import LATE_S, status_lines

    path = HeatPaths.of(args.dir).status
    try:
        values: Any = json.loads(read_file(path))
        age_s = max(0.0, time.time() - float(values["utc_s"]))
        lines = list(status_lines(values, age_s))
    except FileNotFoundError:
        raise UnavailableError(f"{path} is not there: nothing holds this Pi's temperature") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path}: not what this version of tcxo-host writes") from None
    if args.json:
        print(json.dumps(values))
    else:
        for label, text in lines:
            print(f"{label:<10} {text}")
    return UnavailableError.exit_status if age_s >= LATE_S or values["stop"] else 0


def _install(args: argparse.Namespace, root: Root, runner: Runner) -> int:
    from ....config import paths
    from ....errors import OutputError, UnavailableError
    from ....pi.heat.service import unit_plan
    from ....pi.install.choices import installed_executable
    from ....pi.install.files import install_steps, write_steps
    from ...install import run_commands, show_steps

    if not root.exists(f"{paths.UNITS}/tcxo-host.service"):
        raise UnavailableError(
            "the daemon is not installed, and the oven runs as its user: tcxo-host install"
        )
    if root.is_live:
        from ....pi.heat.paths import HeatPaths
        from .work import learned_choice

        learned_choice(args, HeatPaths.of(None))  # a service without a set-point would only fail
    options = ["--limit", f"{args.limit:g}"]
    for name, value in (("--cores", args.cores), ("--textfile", args.textfile)):
        options += [name, value] if value else []
    options += ["--set-point", f"{args.set_point:g}"] if args.set_point is not None else []
    options += ["--no-walk"] if args.no_walk else []
    plan = unit_plan(installed_executable(args.executable, root.is_live), tuple(options))
    steps = install_steps(root, plan, force=False)
    if steps.blocked:
        raise OutputError(f"{steps.blocked[0]}: changed by hand: take it away, then install again")
    write_steps(root, steps)
    show_steps(steps)
    return 1 if root.is_live and run_commands(plan.commands, runner) else 0


def _off(root: Root, runner: Runner) -> int:
    from ....pi.heat.service import STOP, UNIT_FILE
    from ....pi.install.files import uninstall_steps, write_steps
    from ...install import run_commands, show_steps

    if not root.exists(UNIT_FILE):
        print("tcxo-host: the oven's service is not installed: nothing to switch off", file=sys.stderr)
        return 0
    failed = run_commands([STOP], runner) if root.is_live else 0
    steps = uninstall_steps(root, force=False, only={UNIT_FILE})
    write_steps(root, steps)
    show_steps(steps)
    failed += run_commands([("systemctl", "daemon-reload")], runner) if root.is_live else 0
    return 1 if failed else 0
