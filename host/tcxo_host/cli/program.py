"""What all commands share: a parser with the exit status of sysexits.h, and errors as one line."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from ..errors import OutputError, TcxoError, UsageError

__all__ = ["Parser", "run_command"]


class Parser(argparse.ArgumentParser):
    """argparse with the exit status of sysexits.h for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Print usage and one line, then exit with 64."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_status, f"{self.prog}: {message}\n")


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
