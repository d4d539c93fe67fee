"""Simulated clocks: white and random-walk frequency noise, drives, GPS receiver noise, tick counting. Pure.

Times are true seconds, frequencies fractional (1e-6 = 1 ppm, + = fast), and everything is generated in
chunks: a generator is asked for consecutive stretches and keeps only what the next stretch needs, so a
simulated year loses no precision. Noise levels are Allan deviations: ``white_fm`` is ADEV at 1 s,
``random_walk_fm`` the growth of the frequency's standard deviation per root second (ADEV(tau) =
random_walk_fm * sqrt(tau / 3)); see Riley, NIST SP 1065, and Zucca and Tavella, IEEE Trans. UFFC 52(2),
2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Clock", "ClockNoise", "Floats", "GpsNoise", "GpsReceiver", "TickCounter", "comb_times", "stream"]

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]


def stream(seed: int, name: str, chunk: int) -> np.random.Generator:
    """The random numbers of one source for one chunk: independent of every other source and chunk."""
    return np.random.default_rng([seed, chunk, *name.encode()])


@dataclass(frozen=True, slots=True)
class ClockNoise:
    """Noise of a free-running clock, fractional frequency."""

    white_fm: float = 0.0
    random_walk_fm: float = 0.0


class Clock:
    """A clock's time error on a regular grid: constant + drive(t) + random walk + white FM.

    ``drive`` maps true times (s) to fractional frequency and must be deterministic.
    """

    def __init__(self, noise: ClockNoise, drive: Callable[[Floats], Floats], step_s: float) -> None:
        self._noise = noise
        self._drive = drive
        self.step_s = step_s
        self._walk = 0.0

    def advance(self, rng: np.random.Generator, start_s: float, steps: int) -> Floats:
        """Time error (s) at ``start_s + k * step_s``, k = 0..steps, relative to the first."""
        step = self.step_s
        walk = np.empty(steps + 1)
        walk[0] = self._walk
        walk[1:] = self._walk + np.cumsum(
            rng.standard_normal(steps) * (self._noise.random_walk_fm * math.sqrt(step))
        )
        self._walk = float(walk[-1])
        middles = start_s + (np.arange(steps, dtype=np.float64) + 0.5) * step
        increments = (self._drive(middles) + 0.5 * (walk[1:] + walk[:-1])) * step
        increments += rng.standard_normal(steps) * (self._noise.white_fm * math.sqrt(step))
        error_s = np.zeros(steps + 1)
        np.cumsum(increments, out=error_s[1:])
        return error_s


def comb_times(error_s: Floats, step_s: float, period_s: float, first_s: float) -> tuple[Floats, Floats]:
    """When a clock shows ``first_s + k * period_s`` since the start of a chunk.

    ``error_s`` is the clock's time error on the chunk's grid, 0 at its start. Returns the readings that
    fall into the chunk and the true times (s since the chunk's start) at which the clock shows them.
    """
    grid = np.arange(len(error_s)) * step_s
    shown = grid + error_s
    count = math.ceil((shown[-1] - first_s) / period_s)
    readings = first_s + np.arange(max(count, 0)) * period_s
    return readings, np.interp(readings, shown, grid)


class TickCounter:
    """Counts the ticks of a clock: int64, rounded down as a timer does, 0 at the very start."""

    def __init__(self, tick_hz: int) -> None:
        self.tick_hz = tick_hz
        self._whole = 0
        self._part = 0.0

    def read(self, elapsed_s: Floats, error_s: Floats) -> Ticks:
        """The counter at times ``elapsed_s`` into the chunk, where the clock's error is ``error_s``."""
        ticks = np.floor(self._part + self.tick_hz * (elapsed_s + error_s))
        return ticks.astype(np.int64) + self._whole

    def advance(self, elapsed_s: int, error_s: float) -> None:
        """End the chunk after ``elapsed_s`` whole seconds with the clock's error ``error_s``."""
        part = self._part + self.tick_hz * error_s
        whole = math.floor(part)
        self._whole += elapsed_s * self.tick_hz + whole
        self._part = part - whole


@dataclass(frozen=True, slots=True)
class GpsNoise:
    """Noise of a GPS receiver's pulse, ns. ``wander`` is exponentially correlated, ``steps`` last."""

    white_ns: float = 15.0
    sawtooth_ns: float = 10.0
    """Half width: the pulse falls on the receiver's own clock, uniform over twice this."""
    wander_ns: float = 0.0
    wander_time_s: float = 1800.0
    steps: Sequence[tuple[float, float]] = ()
    """(from second, ns) pairs; each adds to the ones before."""


class GpsReceiver:
    """Time errors of consecutive pulses of a GPS receiver."""

    def __init__(self, noise: GpsNoise) -> None:
        self._noise = noise
        self._wander_ns: float | None = None
        self._phase = 0.0
        self._beat = 0.37

    def advance(self, rng: np.random.Generator, start_s: int, pulses: int) -> Floats:
        """Errors (s, + = late) of the pulses of the seconds from ``start_s`` on."""
        noise = self._noise
        error_ns = rng.standard_normal(pulses) * noise.white_ns
        error_ns += self._sawtooth(rng, pulses) + self._wander(rng, pulses)
        for at_s, step_ns in noise.steps:
            error_ns[max(0, math.ceil(at_s) - start_s) :] += step_ns
        return error_ns * 1e-9

    def _sawtooth(self, rng: np.random.Generator, pulses: int) -> Floats:
        """The beat of the receiver's clock with GPS time; the beat itself wanders, bridges included."""
        beats = self._beat + np.cumsum(rng.standard_normal(pulses) * 0.002)
        phases = self._phase + np.cumsum(beats)
        self._beat, self._phase = float(beats[-1]), float(phases[-1] % 1.0)
        return (phases % 1.0 - 0.5) * (2.0 * self._noise.sawtooth_ns)

    def _wander(self, rng: np.random.Generator, pulses: int) -> Floats:
        noise = self._noise
        if noise.wander_ns == 0.0:
            return np.zeros(pulses)
        keep = math.exp(-1.0 / noise.wander_time_s)
        fresh = rng.standard_normal(pulses + 1) * noise.wander_ns
        value = float(fresh[-1]) if self._wander_ns is None else self._wander_ns
        wander = np.empty(pulses)
        scale = math.sqrt(1.0 - keep * keep)
        for k in range(pulses):
            value = keep * value + scale * float(fresh[k])
            wander[k] = value
        self._wander_ns = value
        return wander
