"""What counting whole ticks does to the moments of a second's edges. Pure.

The edges of a steady clock fall on the counter's ticks in a regular pattern, so their rounding errors are
not independent: as a rule they average out better than noise would, but where the period is nearly a
whole number (or a simple fraction) of ticks, all edges of a second are rounded alike and nothing
averages. The sawtooth's Fourier series gives the covariance of the moments for every beat exactly.
"""

from __future__ import annotations

import math

import numpy as np

from ..filter.clock_model import Floats

__all__ = ["COARSE_NS", "QuantisationTable", "stands_still"]

COARSE_NS = 30.0
"""On a grid no coarser than this a signal that stands still is followed well enough."""
SLOWEST_HZ_PER_NS = 0.004
"""Grid steps a second that the edges must move, for each ns of the grid's step."""
_BEATS = 1024
_HARMONICS = 24
_BLUR = 3
"""The beat is known to a few thousandths: variances are averaged over that much."""


class QuantisationTable:
    """Covariance of moments with given ``weights`` (moments by edges), by beat; ``tick`` is its unit."""

    def __init__(self, weights: Floats, tick: float = 1.0) -> None:
        beats = np.arange(_BEATS)
        spectrum = np.fft.fft(weights, _BEATS, axis=1).T
        table = np.zeros((_BEATS, len(weights), len(weights)))
        rest = 1.0 / 12.0
        for harmonic in range(1, _HARMONICS + 1):
            power = 1.0 / (2.0 * math.pi**2 * harmonic**2)
            seen = spectrum[harmonic * beats % _BEATS]
            table += power * (seen[:, :, None] * seen[:, None, :].conj()).real
            rest -= power
        blurred = sum(np.roll(table, shift, axis=0) for shift in range(-_BLUR, _BLUR + 1))
        self._table: Floats = blurred / (2 * _BLUR + 1) + rest * (weights @ weights.T)
        self._table *= tick * tick

    def at(self, period_ticks: float) -> Floats:
        """The covariance for edges ``period_ticks`` apart."""
        covariance: Floats = self._table[round(period_ticks % 1.0 * _BEATS) % _BEATS]
        return covariance


def stands_still(period_ticks: float, rate_hz: float, tick_ns: float) -> bool:
    """Whether edges ``period_ticks`` apart hardly move against ticks of ``tick_ns``, or against a simple fraction of
    them: for seconds nothing is seen of the clock then but a staircase, and a stair looks like a step of the phase."""
    for parts in range(1, int(tick_ns / COARSE_NS) + 1):
        away = abs(parts * period_ticks - round(parts * period_ticks))
        if away * rate_hz < SLOWEST_HZ_PER_NS * tick_ns / parts:
            return True
    return False
