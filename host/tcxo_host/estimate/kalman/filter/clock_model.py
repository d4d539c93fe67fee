"""The joint model of the clocks: what they do between two moments, and with what noise. Pure.

The time axis is the counter's own (the TCXO's): a clock's *reading offset* u is its reading minus the
counter's, its *rate offset* v the derivative of that. In these coordinates every measurement is linear,
with nothing neglected, and the TCXO's own noise enters all clocks alike, which is what makes the model
joint. Units: s, ns (u), ppb = ns/s (v), ppb/s (drift).

State: GPS (u, v), Pi (u, v, drift), RTC (u, v). The Pi's drift is exponentially correlated, so that a
thermal transient is followed and a long gap does not extrapolate it for ever. Covariances of integrated
white noise: Zucca and Tavella, IEEE Trans. UFFC 52(2), 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "DRIFT_TIME_S",
    "GPS_U",
    "GPS_V",
    "PI_D",
    "PI_U",
    "PI_V",
    "RATES",
    "RTC_U",
    "RTC_V",
    "SIZE",
    "EdgeBlock",
    "Floats",
    "Levels",
    "transition",
    "unit_noise",
    "weighted_sum",
]

Floats = npt.NDArray[np.float64]

GPS_U, GPS_V, PI_U, PI_V, PI_D, RTC_U, RTC_V = range(7)
SIZE = 7
_OFFSETS = [GPS_U, PI_U, RTC_U]
RATES = [GPS_V, PI_V, RTC_V]

DRIFT_TIME_S = 150.0
"""Correlation time of the Pi's drift: of the order of a Pi's thermal time constants."""

MOMENTS = 3
"""Polynomial moments kept of the phases of a second's edges: mean, slope, curvature."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Noise levels: ``*_white`` ADEV at 1 s in ppb, ``*_walk`` ppb per root second."""

    tcxo_white: float = 0.3
    tcxo_walk: float = 0.03
    pi_white: float = 1.0
    pi_walk: float = 0.6
    pi_drift: float = 0.1
    """Standard deviation of the Pi's drift, ppb/s."""
    rtc_white: float = 3.0
    rtc_walk: float = 0.2

    def intensities(self) -> Floats:
        """What multiplies ``unit_noise``: variances per second."""
        return np.array(
            [
                self.tcxo_white**2,
                self.tcxo_walk**2,
                self.pi_white**2,
                self.pi_walk**2,
                2.0 * self.pi_drift**2 / DRIFT_TIME_S,
                self.rtc_white**2,
                self.rtc_walk**2,
            ]
        )


def transition(span_s: float) -> Floats:
    """The state's mean after ``span_s``: a 7 by 7 matrix."""
    matrix = np.eye(SIZE)
    for u, v in zip(_OFFSETS, RATES, strict=True):
        matrix[u, v] = span_s
    keep = math.exp(-span_s / DRIFT_TIME_S)
    gained = DRIFT_TIME_S * (1.0 - keep)
    matrix[PI_D, PI_D] = keep
    matrix[PI_V, PI_D] = gained
    matrix[PI_U, PI_D] = DRIFT_TIME_S * (span_s - gained)
    return matrix


def unit_noise(span_s: float) -> Floats:
    """Covariance gathered over ``span_s`` per unit of each of ``Levels.intensities``: 7 by 7 by 7.

    The drift's part is that of an undamped walk: take spans well under ``DRIFT_TIME_S``.
    """
    t = span_s
    white = t
    walk = np.array([[t**3 / 3.0, t**2 / 2.0], [t**2 / 2.0, t]])
    noise = np.zeros((7, SIZE, SIZE))
    noise[0][np.ix_(_OFFSETS, _OFFSETS)] = white
    for i, (ui, vi) in enumerate(zip(_OFFSETS, RATES, strict=True)):
        for uj, vj in list(zip(_OFFSETS, RATES, strict=True))[: i + 1]:
            noise[1][np.ix_([ui, vi], [uj, vj])] = walk
            noise[1][np.ix_([uj, vj], [ui, vi])] = walk
    noise[2][PI_U, PI_U] = white
    noise[3][np.ix_([PI_U, PI_V], [PI_U, PI_V])] = walk
    noise[4][np.ix_([PI_U, PI_V, PI_D], [PI_U, PI_V, PI_D])] = [
        [t**5 / 20.0, t**4 / 8.0, t**3 / 6.0],
        [t**4 / 8.0, t**3 / 3.0, t**2 / 2.0],
        [t**3 / 6.0, t**2 / 2.0, t],
    ]
    noise[5][RTC_U, RTC_U] = white
    noise[6][np.ix_([RTC_U, RTC_V], [RTC_U, RTC_V])] = walk
    return noise


def weighted_sum(weights: Floats, units: Floats) -> Floats:
    """The sum of the matrices in ``units``, each times its weight: a tenth of the cost of ``tensordot``."""
    total: Floats = weights.dot(units.reshape(len(units), -1)).reshape(units.shape[1:])
    return total


class EdgeBlock:
    """The Pi's edges of one block as a few moments of their phases, with the moments' exact statistics.

    ``times_s`` are the edges' times since the block's start, the last one being its end. The moments
    (mean, slope and curvature of the edges' phases) hold next to everything that fifty single
    measurements tell: the phases' own random walk inside a second is smooth beside the counter's steps.
    Their noise is correlated with the process noise of the same block; both are carried.
    """

    def __init__(self, times_s: Floats) -> None:
        t, span = times_s, float(times_s[-1])
        self.times_s = times_s
        self.weights = _moment_weights(t)
        self.transition = transition(span)
        design = np.zeros((len(t), SIZE))
        design[:, PI_U], design[:, PI_V], design[:, PI_D] = 1.0, t, 0.5 * t * t
        self.design = self.weights @ design
        self.edge_noise = self.weights @ self.weights.T
        self._unit_process = unit_noise(span)
        self._unit_moments, self._unit_cross = self._units(t, span)

    def at(self, levels: Levels, edge_variance: float) -> tuple[Floats, Floats, Floats]:
        """Covariances of process noise (7, 7), of the moments' noise (m, m), and between them (7, m)."""
        intensities = levels.intensities()
        process = weighted_sum(intensities, self._unit_process)
        moments = weighted_sum(intensities[:4], self._unit_moments) + edge_variance * self.edge_noise
        cross = weighted_sum(intensities[:4], self._unit_cross)
        return process, moments, cross

    def _units(self, t: Floats, span: float) -> tuple[Floats, Floats]:
        """Per unit of white and walk, TCXO and Pi; the drift's share within a block is negligible."""
        early, late = np.minimum.outer(t, t), np.maximum.outer(t, t)
        white = self.weights @ early @ self.weights.T
        walk = self.weights @ (early**2 * (3.0 * late - early) / 6.0) @ self.weights.T
        with_offset_white = self.weights @ t
        with_offset_walk = self.weights @ (t**2 * (3.0 * span - t) / 6.0)
        with_rate_walk = self.weights @ (t**2 / 2.0)
        cross = np.zeros((4, SIZE, len(self.weights)))
        cross[0][_OFFSETS] = with_offset_white
        cross[1][_OFFSETS] = with_offset_walk
        cross[1][RATES] = with_rate_walk
        cross[2][PI_U] = with_offset_white
        cross[3][PI_U] = with_offset_walk
        cross[3][PI_V] = with_rate_walk
        return np.array([white, walk, white, walk]), cross


def _moment_weights(t: Floats) -> Floats:
    """Orthogonal polynomials over the edges, each scaled to the variance of a mean."""
    count = min(MOMENTS, len(t))
    scale = max(float(t[-1] - t[0]), 1e-3)
    powers = np.vander((t - t.mean()) / scale, count, increasing=True)
    basis, _ = np.linalg.qr(powers)
    basis *= np.sign(basis.sum(axis=0))[np.newaxis, :1]  # the first moment is the mean itself
    return np.ascontiguousarray(basis.T) / math.sqrt(len(t))
