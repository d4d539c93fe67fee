"""The TCXO's frequency against the board's temperature, learned while GPS is there. Pure.

Recursive least squares with forgetting over a parabola, whose constant term may walk as a TCXO does
(so that slow ageing is not mistaken for temperature). Ljung, System Identification, ch. 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...plausible import number
from ..filter.clock_model import Floats

__all__ = ["TemperatureModel"]

SAMPLE_S = 64.0
"""Estimates of the frequency are learned from this far apart, so that they are nearly independent."""
COLDEST_C, HOTTEST_C = -60.0, 150.0
"""Beyond, it is no temperature but a sensor's way to fail."""
_SMOOTHING_S = 20.0
_JUMP_C = 5.0
_STEEPEST_C_PER_S = 0.05
_FASTEST_PPB_PER_S = 1.0
"""When the rate should follow faster than this, sensor and crystal do not get warm at the same moment, and what
the sensor tells would come at the wrong one."""
_MISSING_S = 60.0
"""A sensor that says nothing for longer is none, one that says something else for longer is another."""
_SCALE_C = 10.0
_PRIOR_PPB = np.array([3e4, 500.0, 100.0])
"""Standard deviations at the start: constant, per 10 degrees (0.05 ppm/degree), per (10 degrees)^2."""
_WIDEST = 20.0
"""A stored coefficient is at most so many of these."""
_MOST_SURPRISE = 25.0
_JUMP = 49.0
"""A surprise beyond this, in variances, is not the temperature's doing."""
_FORGETTING = 0.9996
"""Per sample: about two days."""


class TemperatureModel:
    """Rate offset (ppb) as a function of temperature (degrees Celsius)."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.celsius: float | None = None
        """The board's temperature, smoothed over 20 s; None while there is no sensor."""
        self.samples = 0
        self._centre_c: float | None = None
        self._coefficients: Floats = np.zeros(3)
        self._known = [0.0, 0.0, 0.0]
        self._cov: Floats = np.diag(_PRIOR_PPB**2)
        self._surprise = 1.0
        self._missing_s = 0.0

    def measure(self, celsius: float | None, span_s: float) -> float:
        """Take the sensor's reading, ``span_s`` after the last; return by how much (ppb) the rate follows.

        A jump that no board's heat capacity allows is a fault, or another sensor: it moves nothing. One that
        stays is the latter, and what was learned with the old one is forgotten.
        """
        before = self.celsius
        if celsius is None or not COLDEST_C <= celsius <= HOTTEST_C:
            self._missing_s += span_s
            if self._missing_s > _MISSING_S:
                self.celsius = None
            return 0.0
        if before is not None and abs(celsius - before) > _JUMP_C + _STEEPEST_C_PER_S * span_s:
            self._missing_s += span_s
            if self._missing_s > _MISSING_S:
                self._forget()
                self.celsius = self._centre_c = celsius
            return 0.0
        self._missing_s = 0.0
        if self._centre_c is None:
            self._centre_c = celsius
        if before is None:
            self.celsius = celsius
            return 0.0
        self.celsius = before + (celsius - before) * min(1.0, span_s / _SMOOTHING_S)
        change_ppb = self.rate_change(before, self.celsius)
        return change_ppb if abs(change_ppb) < _FASTEST_PPB_PER_S * span_s else 0.0

    def learn(self, rate_ppb: float, variance: float, walk_ppb: float) -> None:
        """Take an estimate of the rate at the present temperature; ``walk_ppb`` is the TCXO's, per root s."""
        if self.celsius is None:
            return
        row = self._row(self.celsius)
        self._cov[0, 0] += walk_ppb * walk_ppb * SAMPLE_S
        surprise = rate_ppb - float(row @ self._coefficients)
        if surprise * surprise > _JUMP * (float(row @ self._cov @ row) + variance):
            self.rate_jumped()
        shared = self._cov @ row
        total = float(row @ shared) + variance
        if self.samples > 10:
            self._surprise += (min(surprise * surprise / total, _MOST_SURPRISE) - self._surprise) / 100.0
        gain = shared / total
        self._coefficients = self._coefficients + gain * surprise
        self._known = self._coefficients.tolist()
        cov = (self._cov - np.outer(gain, shared)) / _FORGETTING
        self._cov = _no_wider_than_prior(0.5 * (cov + cov.T))
        self.samples += 1

    def rate_jumped(self) -> None:
        """The rate is another one for a reason of its own: how it follows the temperature still holds."""
        self._cov[0, :] = self._cov[:, 0] = 0.0
        self._cov[0, 0] = float(_PRIOR_PPB[0]) ** 2

    def rate_change(self, from_c: float, to_c: float) -> float:
        """By how much (ppb) the rate differs between two temperatures."""
        centre = self._centre_c if self._centre_c is not None else from_c
        a, b = (from_c - centre) / _SCALE_C, (to_c - centre) / _SCALE_C
        _, slope, bend = self._known
        return (b - a) * (slope + bend * (a + b))

    def change(self, from_c: float, to_c: float) -> tuple[float, float]:
        """By how much (ppb) the rate differs between two temperatures, and that figure's variance."""
        rows = self._row(to_c) - self._row(from_c)
        variance = max(0.0, float(rows @ self._cov @ rows))  # rounding may take it below
        return float(rows @ self._coefficients), variance * max(1.0, self._surprise)

    def export_state(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "centre_c": self._centre_c,
            "samples": self.samples,
            "coefficients_ppb": self._coefficients.tolist(),
            "covariance": self._cov.tolist(),
            "surprise": self._surprise,
        }

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError for a state that is not sound."""
        coefficients = _array(state, "coefficients_ppb", (3,))
        cov = _array(state, "covariance", (3, 3))
        samples, surprise = (
            int(number(state, "samples", 0, 1e9)),
            number(state, "surprise", 0, _MOST_SURPRISE),
        )
        centre = state.get("centre_c")
        if centre is not None:
            centre = number(state, "centre_c", COLDEST_C, HOTTEST_C)
        if not (np.abs(coefficients) <= _WIDEST * _PRIOR_PPB).all():
            raise ValueError("temperature model: no oscillator follows the temperature so")
        if not (np.abs(cov) <= 1.001 * np.outer(_PRIOR_PPB, _PRIOR_PPB)).all():
            raise ValueError("temperature model: the covariance is wider than at the start")
        if np.linalg.eigvalsh(0.5 * (cov + cov.T)).min() < 0:
            raise ValueError("temperature model: the covariance is not positive")
        self._centre_c, self.samples = centre, samples
        self._surprise = surprise
        self._known = coefficients.tolist()
        self._coefficients, self._cov = coefficients, 0.5 * (cov + cov.T)

    def _row(self, celsius: float) -> Floats:
        x = (celsius - (celsius if self._centre_c is None else self._centre_c)) / _SCALE_C
        return np.array([1.0, x, x * x])


def _array(state: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> Floats:
    """Finite numbers in this shape. Raises ValueError."""
    try:
        values = np.array(state.get(key), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"temperature model: {key}: {error}") from None
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"temperature model: {key} is not {' by '.join(map(str, shape))} numbers")
    return values


def _no_wider_than_prior(cov: Floats) -> Floats:
    """Forgetting must not blow up what the data say nothing about."""
    shrink = np.minimum(1.0, _PRIOR_PPB / np.sqrt(np.maximum(np.diag(cov), 1e-30)))
    narrowed: Floats = cov * np.outer(shrink, shrink)
    return narrowed
