"""How much the Pi's clock walks by itself: against GPS, which the counter has no part in. Pure.

Between Pi and counter the counter's wander is seen as well. Third differences of the phase between Pi and GPS over a
minute do without the counter: the pulses' noise is small by then beside what even a steady Pi walks.
"""

from __future__ import annotations

import math
from collections import deque

from ..track.sight import Sight
from .noise import Average

__all__ = ["OwnWalk"]

EVERY_S = 8
_STEPS = 8
SPACING_S = EVERY_S * _STEPS
_MEMORY = 225.0
_FEWEST = 30.0
_OUTLIER = 12.0
_NOISIEST = 8.0
"""Pulses of 40 ns, ppb^2 of a difference: ten times what a steady Pi's walk of 0.1 ppb a root second makes of it, which
nobody sees beside it."""
_OVERLAP = 10.0
"""So many neighbouring differences tell no more than one."""


class OwnWalk:
    """The Pi's own random walk of frequency, from its phase against a GPS pulse every ``EVERY_S`` seconds."""

    def __init__(self) -> None:
        self._squares = Average(_MEMORY)
        self._noise = Average(_MEMORY)
        self._phases: deque[float] = deque(maxlen=3 * _STEPS + 1)
        self._first: tuple[Sight, int] | None = None

    def interrupt(self) -> None:
        """The next phase does not continue the last."""
        self._phases.clear()
        self._first = None

    def add(self, sight: Sight, tick: int, tick_hz: float, rate_hz: float, noise: float) -> None:
        """The Pi as seen around a good GPS pulse at ``tick``; ``noise``: variance of a pulse, ns^2."""
        measuring = 20.0 * noise / SPACING_S**2
        if measuring > _NOISIEST:
            self.interrupt()
            return
        if self._first is None:
            self._first = sight, tick
        first, first_tick = self._first
        pi_s = (sight.teeth - first.teeth) / rate_hz - (sight.anchor - first.anchor) / tick_hz
        pi_s += (tick - first_tick) / tick_hz
        part_ns = sight.reading_ns(tick, tick_hz) - first.reading_ns(first_tick, tick_hz)
        self._phases.append((pi_s - round(pi_s)) * 1e9 + part_ns)
        if len(self._phases) <= 3 * _STEPS:
            return
        one, two, three, four = (self._phases[index * _STEPS] for index in range(4))
        self._squares.add(((four - one + 3.0 * (two - three)) / SPACING_S) ** 2, _OUTLIER)
        self._noise.add(measuring)

    def at_most(self, white: float) -> float | None:
        """The walk squared, ppb^2 per s, and two of its standard deviations; None while unknown.

        ``white``: white frequency noise (ADEV at 1 s in ppb). The deviation is that of what is seen, pulses' noise
        included: beside a bad receiver little is known of a Pi that walks little.
        """
        if self._squares.weight < _FEWEST:
            return None
        seen = self._squares.value * (1.0 + 2.0 * math.sqrt(2.0 * _OVERLAP / self._squares.weight))
        return max(seen - self._noise.value - 6.0 * white * white / SPACING_S, 0.0) / SPACING_S
