"""A simulated Pi as an oven: die, board, case, crystal and room, and the crystal's frequency over temperature. Pure.

Stands in for the hardware alone. The real thing conducts heat along many paths; here are four lumps in a row (die,
board, case, room) with the crystal behind the board, sized so that idle lies some 24 K and three burning cores some
57 K above the room, as owners report of a Pi 4 without heat sink, and with lags of 6 s, minutes and half an hour
("about two hours to settle", blog.ntpsec.org, March 2017). Left out: air streams, the fan, the power supply.
The crystal is the cubic of an AT cut around 25 degrees (e.g. IEC 60122-1's curves); its two turnovers lie
``turnover_k`` to either side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Crystal", "DieSensor", "Plant", "PlantValues", "Room", "TelegraphLoad"]

_INFLECTION_C = 25.0
_CUBIC_PPM_PER_K3 = 1.05e-4


@dataclass(frozen=True, slots=True)
class PlantValues:
    """Heat capacities (J/K) and resistances (K/W) from the die outwards; watts of what makes heat."""

    die_j_per_k: float = 2.0
    die_board_k_per_w: float = 3.0
    board_j_per_k: float = 35.0
    board_case_k_per_w: float = 4.0
    case_j_per_k: float = 400.0
    case_room_k_per_w: float = 4.0
    crystal_lag_s: float = 40.0
    idle_w: float = 2.2
    burn_w_per_core: float = 1.0
    load_w_per_core: float = 0.8
    """Ordinary programs make less heat than a loop of multiplications."""

    @property
    def steady_k_per_w(self) -> float:
        """What a watt warms the die by in the end."""
        return self.die_board_k_per_w + self.board_case_k_per_w + self.case_room_k_per_w


class Plant:
    """Temperatures in degrees Celsius, settled at the start for the idle power in ``room_c``."""

    def __init__(self, values: PlantValues | None = None, room_c: float = 21.0) -> None:
        self.values = values = values or PlantValues()
        self.case_c = room_c + values.idle_w * values.case_room_k_per_w
        self.board_c = self.case_c + values.idle_w * values.board_case_k_per_w
        self.die_c = self.board_c + values.idle_w * values.die_board_k_per_w
        self.crystal_c = self.board_c

    def advance(self, dt_s: float, burn_cores: float, load_cores: float, room_c: float) -> None:
        """``dt_s`` on, at most a second, with so many cores burning and working."""
        v = self.values
        power_w = v.idle_w + burn_cores * v.burn_w_per_core + load_cores * v.load_w_per_core
        to_board_w = (self.die_c - self.board_c) / v.die_board_k_per_w
        to_case_w = (self.board_c - self.case_c) / v.board_case_k_per_w
        to_room_w = (self.case_c - room_c) / v.case_room_k_per_w
        self.die_c += dt_s * (power_w - to_board_w) / v.die_j_per_k
        self.board_c += dt_s * (to_board_w - to_case_w) / v.board_j_per_k
        self.case_c += dt_s * (to_case_w - to_room_w) / v.case_j_per_k
        self.crystal_c += dt_s / v.crystal_lag_s * (self.board_c - self.crystal_c)

    def die_for_crystal_c(self, crystal_c: float, room_c: float) -> float:
        """The die's steady temperature at which the crystal's is ``crystal_c`` in that room."""
        v = self.values
        power_w = (crystal_c - room_c) / (v.board_case_k_per_w + v.case_room_k_per_w)
        return crystal_c + power_w * v.die_board_k_per_w


@dataclass(frozen=True, slots=True)
class Crystal:
    """Its frequency error, ppm, + when it runs fast."""

    turnover_k: float = 25.0
    """How far its turnovers lie from 25 degrees."""
    freq_ppm: float = 1.0
    ageing_ppm_per_day: float = 0.002

    def ppm(self, celsius: float, t_s: float) -> float:
        """At a temperature of its own, ``t_s`` after the start."""
        x = celsius - _INFLECTION_C
        shape = _CUBIC_PPM_PER_K3 * x * (x * x - 3.0 * self.turnover_k**2)
        return self.freq_ppm + shape + self.ageing_ppm_per_day * t_s / 86400.0

    @property
    def turnover_c(self) -> float:
        """The upper turnover, where a warm Pi may be."""
        return _INFLECTION_C + self.turnover_k


@dataclass(frozen=True, slots=True)
class Room:
    """A room through the day: the sun, and a heating that is on from 6 to 22 h. ``doors``: from when to when, s."""

    mean_c: float = 20.0
    sun_k: float = 1.5
    heating_k: float = 2.0
    heating_lag_s: float = 3600.0
    door_k: float = -8.0
    door_lag_s: float = 120.0
    doors: tuple[tuple[float, float], ...] = ()

    def celsius(self, t_s: float) -> float:
        """At ``t_s`` since midnight."""
        celsius = self.mean_c + self.sun_k * math.sin(2.0 * math.pi * (t_s / 86400.0 - 0.375))
        hour_s, on_s, off_s = t_s % 86400.0, 6 * 3600.0, 22 * 3600.0
        if on_s <= hour_s < off_s:
            celsius += self.heating_k * (1.0 - math.exp(-(hour_s - on_s) / self.heating_lag_s))
        else:
            celsius += self.heating_k * math.exp(-((hour_s - off_s) % 86400.0) / self.heating_lag_s)
        for opened_s, closed_s in self.doors:
            if t_s >= opened_s:
                reached = 1.0 - math.exp(-(min(t_s, closed_s) - opened_s) / self.door_lag_s)
                celsius += self.door_k * reached * math.exp(-max(0.0, t_s - closed_s) / self.door_lag_s)
        return celsius


class TelegraphLoad:
    """Work that comes and goes at random times, ``cores`` of it while it is there; seeded."""

    def __init__(self, seed: int, cores: float = 1.2, mean_s: float = 300.0) -> None:
        self._rng = np.random.default_rng([seed, *b"load"])
        self._cores, self._mean_s = cores, mean_s
        self._on, self._until_s = False, float(self._rng.exponential(mean_s))

    def at(self, t_s: float) -> float:
        """Busy cores at ``t_s``, which may not go back."""
        while t_s >= self._until_s:
            self._on = not self._on
            self._until_s += float(self._rng.exponential(self._mean_s))
        return self._cores if self._on else 0.0


@dataclass(slots=True)
class DieSensor:
    """What ``/sys/class/thermal`` tells: steps of ``step_k``, rounded down, behind white noise of ``noise_k``.

    Steps as in the real drivers: 0.538 on a Pi 3, 0.487 on a Pi 4 (its reading is a slope times a code).
    """

    step_k: float = 0.487
    noise_k: float = 0.0
    seed: int = 1
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, *b"sensor"])

    def read_c(self, die_c: float) -> float:
        """One reading, degrees Celsius with three decimals."""
        noise = self.noise_k * float(self._rng.standard_normal()) if self.noise_k else 0.0
        return round(math.floor((die_c + noise) / self.step_k) * self.step_k, 3)
