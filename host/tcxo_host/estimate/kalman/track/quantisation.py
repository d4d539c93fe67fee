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

__all__ = ["QuantisationTable"]

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
