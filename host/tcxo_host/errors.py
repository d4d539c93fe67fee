"""Every error a user can meet, with its exit status (the numbers of BSD sysexits.h)."""

from __future__ import annotations

import os
import sys

__all__ = [
    "ConfigError",
    "DataError",
    "LinkError",
    "OutputError",
    "PermissionRefused",
    "TcxoError",
    "UnavailableError",
    "UsageError",
    "missing_extra",
]


class TcxoError(Exception):
    """Base: the message is one sentence that says what, where, and what to do."""

    exit_status = 1


class UsageError(TcxoError):
    """The command line makes no sense."""

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
    """That ``what`` needs an optional ``package``, and the command that installs its ``extra``."""
    # pip on the clone: no index has tcxo-host; this interpreter's pip: on the Pi that is not the user's
    sudo = "" if os.access(sys.prefix, os.W_OK) else "sudo "
    return UnavailableError(
        f"{what}: the package {package} is not installed: in a clone of tcxo-host run:"
        f" {sudo}{sys.executable} -m pip install '.[{extra}]'"
    )
