"""A simulated Pi for the oven: the plant of ``sim/`` in place of sensors, workers and daemon, in time of its own.

What the real ones do besides: a worker starts its share some milliseconds late, and the kernel counts shares in
hundredths of a second; the daemon's frequency is that of a filter, here the true one behind white noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....pi.heat.oven.reading import STEP_S, Reading
from ....sim.thermal_plant import Crystal, DieSensor, Plant, Room, TelegraphLoad

__all__ = ["SIMULATED_CORES", "SimulatedPi", "TrueRow"]

SIMULATED_CORES = 4
_PPM_NOISE = 0.0015
_PPM_EVERY = 4
_PPM_STEP_MIN = STEP_S * _PPM_EVERY / 60.0


@dataclass(frozen=True, slots=True)
class TrueRow:
    """What is really so at one step."""

    t_s: float
    die_c: float
    ppm: float
    burn_cores: float


class SimulatedPi:
    """``read`` moves time on by a step. ``spoil`` changes a reading before it is told: planted faults."""

    def __init__(
        self,
        plant: Plant | None = None,
        crystal: Crystal | None = None,
        room: Room | None = None,
        load: TelegraphLoad | None = None,
        sensor: DieSensor | None = None,
        *,
        seed: int = 1,
        start_s: float = 0.0,
        walk_ppm: float = 3e-4,
        spoil: Callable[[Reading], Reading] = lambda reading: reading,
        truth_every: int = _PPM_EVERY,
        began_utc_s: float = 1_767_225_600.0,
    ) -> None:
        self.room = room or Room()
        self.plant = plant or Plant(room_c=self.room.celsius(start_s))
        self.crystal = crystal or Crystal()
        self._load, self._sensor = load, sensor or DieSensor()
        self._rng = np.random.default_rng([seed, *b"heat"])
        self._start_s = start_s
        self._spoil = spoil
        self._steps = 0
        self._shares: tuple[float, ...] = (0.0,) * SIMULATED_CORES
        self._walk_ppm, self._walk = walk_ppm, 0.0
        self._truth_every = truth_every
        self._began_utc_s = began_utc_s
        self.truth: list[TrueRow] = []
        """A row a second, or as often as ``truth_every`` steps."""

    @property
    def t_s(self) -> float:
        """Since the start."""
        return self._steps * STEP_S

    def utc_s(self) -> float:
        """As if the simulated day had begun at ``began_utc_s``."""
        return self._began_utc_s + self._start_s + self.t_s

    def burn(self, shares: tuple[float, ...]) -> None:
        """From now on."""
        self._shares = shares

    def read(self) -> Reading:
        """A step later."""
        day_s = self._start_s + self.t_s
        load_cores = self._load.at(self.t_s) if self._load else 0.0
        work = tuple(min(1.0, max(0.0, load_cores - n)) for n in range(SIMULATED_CORES))
        burned = tuple(min(share, 1.0 - busy) for share, busy in zip(self._shares, work, strict=True))
        self.plant.advance(STEP_S, sum(burned), load_cores, self.room.celsius(day_s))
        self._steps += 1
        true_ppm = self.crystal.ppm(self.plant.crystal_c, day_s) + self._walk
        if self._steps % self._truth_every == 0:
            self.truth.append(TrueRow(self.t_s, self.plant.die_c, true_ppm, sum(burned)))
        ppm = None
        if self._steps % _PPM_EVERY == 0:
            self._walk += self._walk_ppm * float(self._rng.standard_normal()) * _PPM_STEP_MIN**0.5
            ppm = true_ppm + _PPM_NOISE * float(self._rng.standard_normal())
        celsius = self._sensor.read_c(self.plant.die_c)
        return self._spoil(Reading(self.t_s, celsius, work, burned, 0, ppm))
