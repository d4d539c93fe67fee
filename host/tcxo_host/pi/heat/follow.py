"""What the oven's loop stands on, real or simulated, and the loop itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .averages import Averages, Row
from .oven.oven import Command
from .oven.reading import Reading

__all__ = ["Brain", "Machine", "follow"]


class Machine(Protocol):
    """A machine with a temperature, and cores that may burn."""

    def read(self) -> Reading:
        """The next reading, ``STEP_S`` after the last one; waits for it."""

    def burn(self, shares: tuple[float, ...]) -> None:
        """Burn so much of each core until told otherwise; falls to nothing by itself when it is not told again."""

    def utc_s(self) -> float:
        """The wall clock, seconds since 1970."""


class Brain(Protocol):
    """``Oven`` or ``Sweep``."""

    def step(self, reading: Reading) -> Command:
        """What to burn until the next reading."""


def follow(
    machine: Machine,
    brain: Brain,
    mode: str,
    take_row: Callable[[Row, Command], None],
    ends: Callable[[Reading], bool],
    slope: Callable[[], float | None] = lambda: None,
) -> str:
    """Let ``brain`` rule until ``ends`` or a stop, whose reason it returns; nothing burns afterwards.

    ``take_row`` gets the means of each ten seconds with the latest command.
    """
    averages = Averages(mode)
    cores = 0
    try:
        while True:
            reading = machine.read()
            cores = len(reading.work)
            command = brain.step(reading)
            machine.burn(command.shares)
            row = averages.add(reading, machine.utc_s(), command.set_point_c, slope())
            if row is not None:
                take_row(row, command)
            if command.stop or ends(reading):
                return command.stop
    finally:
        machine.burn((0.0,) * cores)
