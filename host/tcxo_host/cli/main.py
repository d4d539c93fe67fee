"""The command ``tcxo-host``: find the subcommand, turn errors into one line and an exit status."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NoReturn

from ..errors import OutputError, TcxoError, UsageError
from . import baseline, doctor, install, pwm, run, simulate, status, uninstall

__all__ = ["main", "run_command"]

EPILOG = """\
exit status:
  0   done              65  board or file cannot be used    77  permission refused
  1   a bug             69  link or program is missing      78  configuration is wrong
  64  wrong usage       73  output cannot be written

example:
  tcxo-host run --link serial:/dev/ttyACM0 --output /run/tcxo
"""

_COMMANDS = (run, status, baseline, doctor, pwm, install, uninstall, simulate)


class Parser(argparse.ArgumentParser):
    """argparse with the exit status of sysexits.h for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Print usage and one line, then exit with 64."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_status, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tcxo-host`` with ``argv``; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # "run" is the default, so that "tcxo-host --link ..." does what one expects
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "run")
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
    return run_command(parser.parse_args(arguments), "tcxo-host")


def run_command(args: argparse.Namespace, program: str) -> int:
    """Call ``args.main``; one line on stderr for the errors of ``errors.py``. Return the exit status."""
    command: Callable[[argparse.Namespace], int] = args.main
    try:
        status = command(args)
        sys.stdout.flush()
        return status
    except TcxoError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _close_stdout()  # the reader (head, less) has seen enough
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _close_stdout()
        print(f"{program}: the output cannot be written: {error.strerror}", file=sys.stderr)
        return OutputError.exit_status


def _close_stdout() -> None:
    """Keep Python from complaining at exit about what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
