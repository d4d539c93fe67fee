"""What the checks of ``tcxo-host doctor`` are made of: a subject goes in, a finding comes out."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ...config import paths
from ...config.settings import Config
from ...errors import TcxoError
from ..models import PiModel, identify_model
from ..root import Root
from .board_look import BoardLook

__all__ = [
    "UNIT",
    "Check",
    "Finding",
    "Level",
    "Subject",
    "fail",
    "is_installed",
    "ok",
    "warn",
]

UNIT = "tcxo-host.service"


class Level(enum.IntEnum):
    """How bad a finding is; the worst one is the exit status."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people. ``remedy``: the command or file line that corrects it, empty when all is well."""

    name: str
    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The machine under examination.

    ``config_problem``: why the configuration file could not be used; ``config`` then holds defaults.
    ``board``: what is known of the board, None when it was not looked at. ``now_s``: the time for judging the
    age of files, seconds since 1970; None on a copy of a machine, whose file times mean nothing.
    """

    root: Root
    config: Config
    config_problem: str = ""
    board: BoardLook | None = None
    now_s: float | None = None

    @property
    def model(self) -> PiModel | None:
        """The Pi's model, or None when it is not a known one."""
        try:
            return identify_model(self.root)
        except TcxoError:
            return None


Check = Callable[[Subject], Finding | None]
"""A check returns None where it does not apply."""


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(name, Level.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Finding:
    """It cannot work like this."""
    return Finding(name, Level.FAIL, text, remedy)


def is_installed(root: Root) -> bool:
    """Whether the daemon's unit is there, from ``install`` or from a package."""
    return any(root.exists(f"{folder}/{UNIT}") for folder in (paths.UNITS, "/usr/lib/systemd/system"))
