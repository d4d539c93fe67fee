"""The steady-state bound of the published value: a discrete Riccati recursion over every single edge.

Independent of the daemon's filter: one prediction and one scalar update per edge, true noise levels,
textbook form. For linear systems with Gaussian noise no estimator that sees the same edges is better on average.
"""

from __future__ import annotations

import math

import numpy as np
from tcxo_host.sim.scenario import Scenario

from .trial import READ_DELAY_S

__all__ = ["bound_rms_ppm"]

_SECONDS = 1500
_RATE_HZ = 50
_GPS_EDGE = 15
"""After which of the second's Pi edges the GPS pulse comes."""


def bound_rms_ppm(scenario: Scenario) -> float:
    """Least possible rms error (ppm) of the Pi's mean frequency over the second in which chrony uses it.

    States (u, v) of GPS time and the Pi's clock against the counter; rounding to ticks counts as white.
    """
    step = 1.0 / _RATE_HZ
    rounding = (1e9 / scenario.tick_hz) ** 2 / 12.0
    gps = scenario.gps.white_ns**2 + scenario.gps.sawtooth_ns**2 / 3.0 + rounding
    edge = rounding + scenario.pi.jitter_ns**2
    white = [scenario.tcxo.white_fm * 1e9, scenario.pi.white_fm * 1e9]
    walk = [scenario.tcxo.random_walk_fm * 1e9, scenario.pi.random_walk_fm * 1e9]
    matrix = np.kron(np.eye(2), np.array([[1.0, step], [0.0, 1.0]]))
    common = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    own = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    noise = sum(
        shape.T @ _clock_noise(w, r, step) @ shape
        for shape, w, r in zip((common, own), white, walk, strict=True)
    )
    cov = np.eye(4) * 100.0
    for _ in range(_SECONDS):
        for k in range(_RATE_HZ):
            cov = matrix @ cov @ matrix.T + noise
            if k == _GPS_EDGE:
                cov = _updated(cov, 0, gps)
            cov = _updated(cov, 2, edge)
    rate = cov[3, 3] + cov[1, 1] - 2.0 * cov[1, 3]
    # To the middle of the second of use the Pi's rate walks on, and within that second its noise averages.
    ahead = walk[1] ** 2 * (READ_DELAY_S + 1.0 / 3.0) + white[1] ** 2
    return math.sqrt(rate + ahead) * 1e-3


def _clock_noise(white: float, walk: float, step: float) -> np.ndarray:
    """Covariance a clock's own noise adds to (u, v) in ``step`` seconds; ppb at 1 s and per root second."""
    return np.array(
        [
            [white**2 * step + walk**2 * step**3 / 3.0, walk**2 * step**2 / 2.0],
            [walk**2 * step**2 / 2.0, walk**2 * step],
        ]
    )


def _updated(cov: np.ndarray, index: int, variance: float) -> np.ndarray:
    gain = cov[:, index] / (cov[index, index] + variance)
    cov = cov - np.outer(gain, cov[index])
    symmetric: np.ndarray = 0.5 * (cov + cov.T)
    return symmetric
