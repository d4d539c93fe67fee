"""The slow change of load from which the curve is learned, and what its record tells. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..averages import Row, columns
from ..oven.control import spread
from ..oven.guard import Guard, Limits
from ..oven.oven import Command
from ..oven.reading import Reading, busy_cores
from ..oven.set_point import BELOW_LIMIT_K, Reach
from .curve import CurveFit, fit_curve

__all__ = ["IDLE_S", "Idle", "Sweep", "learned_curve", "learned_reach"]

_REACH_S = 300.0
_IDLE_CORES = 0.1
IDLE_S = 1800.0
"""About the case's own lag: so long after burning the Pi is still warm from it."""


class Idle:
    """Burns nothing: what the Pi does by itself."""

    def step(self, reading: Reading) -> Command:
        """As ``Oven.step``."""
        return Command((0.0,) * len(reading.work))


class Sweep:
    """All work together goes from none to all cores and back, a ramp of ``period_s``, for ``duration_s``.

    It begins with ``IDLE_S`` (a twelfth of a shorter sweep) of none, which shows what the Pi does by itself. Other
    programs' work counts as part of it. ``BELOW_LIMIT_K`` below the limit it goes no further up, for the rest.
    """

    def __init__(
        self, cores: frozenset[int], duration_s: float, period_s: float = 7200.0, limits: Limits | None = None
    ) -> None:
        self._cores, self._period_s = cores, period_s
        self.duration_s = duration_s
        self._limits = limits or Limits()
        self._guard = Guard(self._limits)
        self._begun_s: float | None = None
        self._most = float(len(cores))

    def step(self, reading: Reading) -> Command:
        """What to burn until the next reading; as ``Oven.step``."""
        nothing = (0.0,) * len(reading.work)
        stop = self._guard.check(reading)
        if stop:
            return Command(nothing, stop)
        if self._begun_s is None:
            self._begun_s = reading.t_s
        idle_s = min(IDLE_S, self.duration_s / 12.0)
        turns = max(0.0, reading.t_s - self._begun_s - idle_s) / self._period_s % 1.0
        level = len(self._cores) * (2.0 * turns if turns < 0.5 else 2.0 - 2.0 * turns)
        celsius = reading.temperature_c
        if celsius is not None and celsius > self._limits.limit_c - BELOW_LIMIT_K:
            self._most = min(self._most, level, max(0.1, self._most - 0.01))
        free = [max(0.0, 1.0 - work) if n in self._cores else 0.0 for n, work in enumerate(reading.work)]
        burn = max(0.0, min(level, self._most) - busy_cores(reading.work))
        return Command(spread(min(burn, sum(free)), free))


def learned_curve(rows: Sequence[Row]) -> CurveFit | str:
    """The fit of a record; a text says why there is none."""
    data = columns(row for row in rows if row.ppm is not None)
    order = np.argsort(data["t_s"], kind="stable")
    t_s = data["t_s"][order]
    keep = np.concatenate([[True], np.diff(t_s) > 0]) if t_s.size else np.zeros(0, bool)
    return fit_curve(t_s[keep], data["celsius"][order][keep], data["ppm"][order][keep])


def learned_reach(rows: Sequence[Row]) -> Reach | None:
    """The warmest means of five minutes: of those long after any burning, and of all; None for a record without both.

    Where no part is so long after burning, every part without any counts, which is on the safe side.
    """
    free: list[float] = []
    barely: list[float] = []
    whole: list[float] = []
    part: list[Row] = []
    burned_s = -math.inf
    for row in rows:
        part.append(row)
        if row.t_s < part[0].t_s:  # another record begins
            part, burned_s = [row], -math.inf
        if row.burn_cores >= _IDLE_CORES:
            burned_s = row.t_s
        if row.t_s - part[0].t_s < _REACH_S:
            continue
        mean_c = math.fsum(each.celsius for each in part) / len(part)
        whole.append(mean_c)
        if burned_s < part[0].t_s:
            (free if part[0].t_s - burned_s >= IDLE_S / 2 else barely).append(mean_c)
        part = []
    return Reach(max(free or barely), max(whole)) if (free or barely) and whole else None
