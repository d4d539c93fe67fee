"""The command ``tcxo-host``: find the subcommand, turn errors into one line and an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from . import baseline, doctor, install, run, status, uninstall
from .machine import pwm, tune
from .machine.heat import command as heat
from .program import Parser, run_command
from .prove import command as prove
from .simulate import command as simulate

__all__ = ["build_parser", "main"]

EPILOG = """\
exit status:
  0   done              65  board or file cannot be used    77  permission refused
  1   a bug             69  link or program is missing      78  configuration is wrong
  64  wrong usage       73  output cannot be written        75  stopped for safety (heat)

example:
  tcxo-host run --link serial:/dev/ttyACM0 --output /run/tcxo
"""

_COMMANDS = (run, status, baseline, doctor, pwm, heat, tune, install, uninstall, prove, simulate)


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        prog="tcxo-host",
        description="Corrects this machine's clock frequency through chrony's tempcomp file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tcxo-host {version('tcxo-host')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tcxo-host`` with ``argv``; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # "run" is the default, so that "tcxo-host --link ..." runs the daemon
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "run")
    return run_command(build_parser().parse_args(arguments), "tcxo-host")


if __name__ == "__main__":
    sys.exit(main())
