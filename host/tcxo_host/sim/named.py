"""A simulated world by its name: ``sim:SCENARIO`` or ``sim:SCENARIO:SEED``. Reads the scenario's file."""

from __future__ import annotations

import re

from ..errors import UsageError
from .scenario import load_scenario
from .world import World

__all__ = ["named_world"]

_NAME = re.compile(r"sim:([^:]+)(?::([0-9]{1,9}))?")


def named_world(name: str) -> World:
    """The world at its beginning. Raises UsageError for a malformed name or an unknown scenario, DataError for a
    scenario file that cannot be."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(f"{name}: expected sim:SCENARIO or sim:SCENARIO:SEED, such as sim:day")
    return World(load_scenario(match[1]), int(match[2] or 1))
