"""The oven: from one reading to what shall burn, with every stop and both loops. Pure; live and simulated alike."""

from __future__ import annotations

from dataclasses import dataclass

from .control import Gains, PiControl, spread
from .guard import Guard, Limits
from .reading import Reading, busy_cores
from .sensor_grid import SensorGrid
from .slope_walk import SlopeWalk

__all__ = ["Command", "Oven"]

_LARGEST_GAP_S = 2.0
"""After a longer pause (a suspended machine) the loop goes on as if it were a short one."""
_AT_TARGET_K = 1.0


@dataclass(frozen=True, slots=True)
class Command:
    """``shares``: by core, how much of it shall burn, 0 to 1. ``stop``: why nothing may any more, or an empty text."""

    shares: tuple[float, ...]
    stop: str = ""
    set_point_c: float | None = None
    saturated: str = ""
    """``full`` or ``idle`` while the set-point cannot be held for lack of heat or of cold."""


class Oven:
    """Holds a set-point; with a ``walk`` that moves it. ``cores``: which of the machine's cores may burn."""

    def __init__(
        self,
        cores: frozenset[int],
        set_point_c: float,
        limits: Limits | None = None,
        gains: Gains | None = None,
        walk: SlopeWalk | None = None,
    ) -> None:
        self._cores = cores
        self._set_point_c = set_point_c
        self._guard = Guard(limits)
        self._control = PiControl(gains)
        self._grid = SensorGrid()
        self.walk = walk
        self._last: Reading | None = None
        self._shares: tuple[float, ...] = ()
        self._mean_c: float | None = None

    def step(self, reading: Reading) -> Command:
        """What to burn until the next reading. After a stop nothing burns any more."""
        nothing = (0.0,) * len(reading.work)
        stop = self._guard.check(reading)
        if stop:
            return Command(nothing, stop)
        celsius = reading.temperature_c
        if celsius is None:  # for the moment: as before, until the guard has lost its patience
            return Command(self._shares or nothing, set_point_c=self._set_point_c)
        dt_s = min(reading.t_s - self._last.t_s, _LARGEST_GAP_S) if self._last else 0.0
        self._last = reading
        self._grid.add(celsius)
        # a sensor of coarse steps says where the temperature is only as a mean
        before = celsius if self._mean_c is None else self._mean_c
        self._mean_c = before + (celsius - before) * min(1.0, dt_s / 60.0)
        wanted = self._walked(reading, self._mean_c)
        free = [max(0.0, 1.0 - work) if n in self._cores else 0.0 for n, work in enumerate(reading.work)]
        set_point = self._grid.edge_near(wanted)
        burn = self._control.step(dt_s, celsius, set_point, busy_cores(reading.work), sum(free))
        self._shares = spread(burn, free)
        saturated = "full" if burn >= sum(free) - 1e-9 else "idle" if burn <= 0.0 else ""
        return Command(self._shares, "", set_point, saturated)

    def _walked(self, reading: Reading, mean_c: float) -> float:
        if self.walk is None:
            return self._set_point_c
        target = self._control.target_c
        near = target is not None and abs(mean_c - target) < _AT_TARGET_K
        self._set_point_c = self.walk.step(reading.t_s, mean_c, reading.ppm, at_target=near)
        return self._set_point_c
