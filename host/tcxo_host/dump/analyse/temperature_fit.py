"""How a clock's rate follows the temperature, told from its ageing. Pure.

The rate is a drift and a random walk (ageing and all else that has no name), plus a line in temperature, plus white
noise of the measurement. The walk's part of the variance is that of the greatest likelihood; the line then comes from
generalised least squares, with the sigma that a wandering rate leaves (P. J. Brockwell and R. A. Davis,
"Introduction to Time Series and Forecasting", section 6.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["TemperatureFit", "fit_temperature"]

Floats = npt.NDArray[np.float64]

LEAST_SAMPLES = 8
MOST_SAMPLES = 500
"""More are averaged: the work grows with the third power."""
LEAST_RANGE_C = 0.05
_WALKS = np.concatenate([[0.0], np.logspace(-6, 2, 25)])
"""Variance of the walk's step over that of the white noise."""
TWO_SIGMA = 2.0


@dataclass(frozen=True, slots=True)
class TemperatureFit:
    """``slope_ppb_per_c`` ± ``sigma_ppb_per_c``; ``ageing_ppb``: drift and walk at each sample given, its mean zero."""

    slope_ppb_per_c: float
    sigma_ppb_per_c: float
    centre_c: float
    level_ppb: float
    ageing_ppb: Floats

    @property
    def is_identifiable(self) -> bool:
        """Whether the slope differs from none."""
        return abs(self.slope_ppb_per_c) > TWO_SIGMA * self.sigma_ppb_per_c


def fit_temperature(celsius: Floats, rate_ppb: Floats) -> TemperatureFit | None:
    """Of samples at about equal intervals; None where they are few, or the temperature stayed the same or only drifted
    in a straight line, as ageing does."""
    if rate_ppb.size < LEAST_SAMPLES or float(np.ptp(celsius)) < LEAST_RANGE_C:
        return None
    group = -(-rate_ppb.size // MOST_SAMPLES)
    size = rate_ppb.size // group
    heat = celsius[: size * group].reshape(size, group).mean(axis=1)
    rate = rate_ppb[: size * group].reshape(size, group).mean(axis=1)
    centre_c, level = float(heat.mean()), float(rate.mean())
    index = np.arange(1.0, size + 1.0)
    if float(np.ptp(heat - np.polyval(np.polyfit(index, heat, 1), index))) < LEAST_RANGE_C:
        return None
    design = np.column_stack([np.ones(size), heat - centre_c, index - index.mean()])
    walk = np.minimum(index[:, None], index[None, :])
    best: tuple[float, float, Floats, Floats, Floats] | None = None
    for share in _WALKS.tolist():
        root = np.linalg.cholesky(np.eye(size) + share * walk)
        x, y = np.linalg.solve(root, design), np.linalg.solve(root, rate - level)
        normal = np.linalg.inv(x.T @ x)
        coefficients = normal @ x.T @ y
        left = y - x @ coefficients
        variance = float(left @ left) / (size - 3)
        if variance <= 0:
            continue
        # restricted likelihood: the line's own freedom is taken into account
        log_likelihood = -0.5 * (
            (size - 3) * np.log(variance)
            + 2.0 * float(np.sum(np.log(np.diag(root))))
            - float(np.linalg.slogdet(normal)[1])
        )
        if best is None or log_likelihood > best[0]:
            ageing = share * walk @ np.linalg.solve(root.T, left) + coefficients[2] * design[:, 2]
            best = log_likelihood, variance, coefficients, normal, ageing
    if best is None:
        return None
    _, variance, coefficients, normal, ageing = best
    ageing_of_all = np.interp(np.arange(rate_ppb.size), (np.arange(size) + 0.5) * group - 0.5, ageing)
    mean = float(ageing_of_all.mean())
    return TemperatureFit(
        slope_ppb_per_c=float(coefficients[1]),
        sigma_ppb_per_c=float(np.sqrt(variance * normal[1, 1])),
        centre_c=centre_c,
        level_ppb=level + float(coefficients[0]) + mean,
        ageing_ppb=ageing_of_all - mean,
    )
