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
    "SafetyStop",
    "TcxoError",
    "UnavailableError",
    "UsageError",
    "missing_extra",
    "without_digits",
]

_DEBIAN = {"live": "python3-rich", "plot": "python3-matplotlib python3-scipy", "zstd": "python3-zstandard"}
"""What stands for an extra beside the Debian package; the other extras are inside it, or nowhere in Debian."""


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


class SafetyStop(TcxoError):
    """Something that makes heat was stopped, and must not go on by itself."""

    exit_status = 75


class PermissionRefused(TcxoError):
    """The system refused access."""

    exit_status = 77


class ConfigError(TcxoError):
    """The configuration is wrong."""

    exit_status = 78


def missing_extra(what: str, package: str, extra: str) -> UnavailableError:
    """An error that says that ``what`` needs an optional ``package``, with the command that installs its ``extra``."""
    return UnavailableError(f"{what}: the package {package} is not installed: {_remedy(extra)}")


def _remedy(extra: str) -> str:
    """What to do, by how tcxo-host itself was installed.

    pip and pipx take ``tcxo-host[...]`` though no index has it: they read the extras of what is installed.
    """
    from importlib.metadata import distribution

    itself = distribution("tcxo-host")
    if (itself.read_text("INSTALLER") or "").strip() == "dpkg":
        packages = _DEBIAN.get(extra)
        return (
            f"run: sudo apt install {packages}" if packages else "Debian has none: install tcxo-host by pipx"
        )
    if "/pipx/venvs/" in f"{sys.prefix}/":
        return f"run: pipx inject tcxo-host 'tcxo-host[{extra}]'"
    sudo = "" if os.access(sys.prefix, os.W_OK) else "sudo "
    pip = f"{sudo}{sys.executable} -m pip install"
    if '"editable": true' in (itself.read_text("direct_url.json") or ""):
        return f"in a clone of tcxo-host run: {pip} '.[{extra}]'"
    return f"run: {pip} 'tcxo-host[{extra}]'"


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
