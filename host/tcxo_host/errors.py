"""Every error a user can meet, with its exit status (the numbers of BSD sysexits.h)."""

from __future__ import annotations

import logging
import os
import sys

__all__ = [
    "ConfigError",
    "DataError",
    "LinkError",
    "OutputError",
    "PermissionRefused",
    "ProblemLog",
    "TcxoError",
    "UnavailableError",
    "UsageError",
    "missing_extra",
    "without_digits",
]


class TcxoError(Exception):
    """Base: one sentence that says what and where (``problem``), and what to do (``remedy``, may be empty)."""

    exit_status = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}: {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class UsageError(TcxoError):
    """The command line is not valid."""

    exit_status = 64


class DataError(TcxoError):
    """A file, capture or board sent something that cannot be used."""

    exit_status = 65


class LinkError(TcxoError):
    """The board's link is not there or went away."""

    exit_status = 69


class UnavailableError(TcxoError):
    """A program, package or device that is needed is missing."""

    exit_status = 69


class OutputError(TcxoError):
    """The output file cannot be written, or another daemon owns it."""

    exit_status = 73


class PermissionRefused(TcxoError):
    """The system refused access."""

    exit_status = 77


class ConfigError(TcxoError):
    """The configuration is wrong."""

    exit_status = 78


def missing_extra(what: str, package: str, extra: str) -> UnavailableError:
    """An error that says that ``what`` needs an optional ``package``, with the command that installs its ``extra``."""
    # pip on the clone: no index has tcxo-host; this interpreter's pip: on the Pi that is not the user's
    sudo = "" if os.access(sys.prefix, os.W_OK) else "sudo "
    return UnavailableError(
        f"{what}: the package {package} is not installed: in a clone of tcxo-host run:"
        f" {sudo}{sys.executable} -m pip install '.[{extra}]'"
    )


def without_digits(text: str) -> str:
    """For comparing texts with a running count or a time in them."""
    return "".join(" " if each.isdigit() else each for each in text)


class ProblemLog:
    """Logs each problem once: when it appears or changes (other than in its numbers), and when it is over."""

    def __init__(self) -> None:
        self._log = logging.getLogger("tcxo_host")
        self._known: dict[str, str] = {}

    def note(self, where: str, problem: str, level: int = logging.WARNING) -> None:
        """The problem at ``where`` now; an empty text: none."""
        before = self._known.get(where, "")
        self._known[where] = problem
        if problem and without_digits(problem) != without_digits(before):
            self._log.log(level, "%s", problem)
        elif before and not problem:
            self._log.info("%s: works again", where)
