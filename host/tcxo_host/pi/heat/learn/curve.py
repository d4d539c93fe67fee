"""The crystal's frequency over the CPU's temperature: fit, turnover, and how well they are known. Pure.

Model: ``ppm = polynomial(x) + ageing * t + start * exp(-t / lag)``, where ``x`` is the temperature behind a
first-order lag (the way from the CPU to the crystal), and the last term takes out that nobody knows what ``x`` was
before the record began. Polynomial: a parabola, or a cubic where its third term is certain. The lag is found by a
search, and is a parameter like the others when errors are computed. Residuals are correlated over minutes (the
crystal wanders by itself, and one lag is not the whole truth), so the covariance is the one of Newey and West
(Econometrica 55, 1987), with their weights over ``CORRELATED_S``. All of it is for the room as it was: the crystal is
not as warm as the CPU, and in a room that is colder by 1 K its turnover is at a CPU that is warmer by some 0.4 K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CurveFit", "Turnover", "fit_curve", "lagged"]

Floats = npt.NDArray[np.float64]

LAGS_S = np.geomspace(10.0, 2400.0, 34)
CORRELATED_S = 1800.0
LEAST_RANGE_K = 5.0
LEAST_HOURS = 1.0
_CERTAIN_SIGMAS = 4.0
_DRAWS = 2000
_BEYOND_K = 5.0
"""So far outside the temperatures seen a turnover is still told; further it would be a guess."""
_MODEL_K = 0.5
"""What one lag in place of the true three costs at most, in simulation: part of every interval."""
_WIDEST_K = 8.0
"""A wider interval is no answer."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """The CPU temperature at which the crystal does not care, its 95 % interval, and the second derivative there."""

    celsius: float
    low_c: float
    high_c: float
    ppm_per_k2: float


@dataclass(frozen=True, slots=True)
class CurveFit:
    """``coefficients``: of powers 0 to 2 or 3 of ``celsius - centre_c``, ppm; ``covariance`` is theirs.

    ``turnover`` is None where the record does not tell it; ``why_not`` says what is missing.
    """

    centre_c: float
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    lag_s: float
    lag_sigma_s: float
    ageing_ppm_per_day: float
    residual_ppm: float
    low_c: float
    high_c: float
    turnover: Turnover | None
    why_not: str

    def ppm(self, celsius: Floats) -> Floats:
        """The curve, without ageing."""
        return np.asarray(
            np.polynomial.polynomial.polyval(celsius - self.centre_c, self.coefficients), np.float64
        )

    def slope(self, celsius: float) -> tuple[float, float]:
        """ppm per kelvin there, and its standard deviation."""
        x, powers = celsius - self.centre_c, np.arange(len(self.coefficients))
        row = np.array([n * x ** max(n - 1, 0) for n in powers.tolist()], float)
        sigma = math.sqrt(max(0.0, float(row @ np.array(self.covariance) @ row)))
        return float(row @ np.array(self.coefficients)), sigma


def lagged(t_s: Floats, celsius: Floats, lag_s: float) -> Floats:
    """``celsius`` behind a first-order lag, starting settled; ``t_s`` ascends and may have gaps."""
    out = np.empty_like(celsius)
    value, before_s = float(celsius[0]), float(t_s[0])
    for n, (now_s, now_c) in enumerate(zip(t_s.tolist(), celsius.tolist(), strict=True)):
        value = now_c + (value - now_c) * math.exp(-(now_s - before_s) / lag_s)
        out[n], before_s = value, now_s
    return out


def fit_curve(t_s: Floats, celsius: Floats, ppm: Floats, seed: int = 1) -> CurveFit | str:
    """The fit of averages of some seconds (all finite, ``t_s`` ascending); a text says why there is none."""
    if t_s.size < 60 or t_s[-1] - t_s[0] < LEAST_HOURS * 3600.0:
        return f"not identifiable: less than {LEAST_HOURS:g} h of temperatures with frequencies"
    range_k = float(np.ptp(celsius))
    if range_k < LEAST_RANGE_K:
        return (
            f"not identifiable: the temperature moved by {range_k:.1f} K only, {LEAST_RANGE_K:g} are needed"
        )
    step_s = float(np.median(np.diff(t_s)))
    correlated = max(1, min(round(CORRELATED_S / step_s), t_s.size // 5))
    centre = float(np.mean(celsius))
    data = _Data(t_s - t_s[0], celsius - centre, ppm)
    ends = float(celsius.min()), float(celsius.max())
    fits = {}
    for powers in (3, 4):
        lag_s = _best_lag(data, powers)
        fits[powers] = lag_s, data.solve(lag_s, powers, correlated)
    third = fits[4][1]
    is_cubic = abs(third.values[3]) > _CERTAIN_SIGMAS * math.sqrt(third.covariance[3, 3])
    powers, other = (4, 3) if is_cubic else (3, 4)
    lag_s, solved = fits[powers]
    values, covariance = solved.values[:powers], solved.covariance[:powers, :powers]
    rival = _root(fits[other][1].values[:other], ends[0] - centre, ends[1] - centre)
    turnover, why_not = _turnover(values, covariance, centre, ends, seed, rival)
    return CurveFit(
        centre_c=centre,
        coefficients=tuple(values.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        lag_s=lag_s,
        lag_sigma_s=math.sqrt(solved.covariance[-1, -1]),
        ageing_ppm_per_day=float(solved.values[powers]) * 86400.0,
        residual_ppm=float(np.std(solved.residuals)),
        low_c=ends[0],
        high_c=ends[1],
        turnover=turnover,
        why_not=why_not,
    )


@dataclass(frozen=True, slots=True)
class _Solved:
    values: Floats
    """Powers, ageing per second, start."""
    covariance: Floats
    """Of ``values`` and, last, the lag."""
    residuals: Floats


@dataclass(frozen=True, slots=True)
class _Data:
    t_s: Floats
    x_k: Floats
    ppm: Floats

    def design(self, lag_s: float, powers: int) -> Floats:
        x = lagged(self.t_s, self.x_k, lag_s)
        columns = [x**n for n in range(powers)]
        return np.column_stack([*columns, self.t_s - self.t_s.mean(), np.exp(-self.t_s / lag_s)])

    def misfit(self, lag_s: float, powers: int) -> float:
        matrix = self.design(lag_s, powers)
        values = np.linalg.lstsq(matrix, self.ppm, rcond=None)[0]
        return float(np.sum((self.ppm - matrix @ values) ** 2))

    def solve(self, lag_s: float, powers: int, correlated: int) -> _Solved:
        matrix = self.design(lag_s, powers)
        values = np.linalg.lstsq(matrix, self.ppm, rcond=None)[0]
        residuals = self.ppm - matrix @ values
        by_lag = (self.design(lag_s * 1.02, powers) - self.design(lag_s / 1.02, powers)) @ values
        jacobian = np.column_stack([matrix, by_lag / (lag_s * (1.02 - 1 / 1.02))])
        scale = np.linalg.norm(jacobian, axis=0) + 1e-300
        inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale))
        scores = jacobian / scale * residuals[:, None]
        meat = scores.T @ scores
        for k in range(1, correlated):
            cross = scores[k:].T @ scores[:-k]
            meat += (1.0 - k / correlated) * (cross + cross.T)
        covariance = inverse @ meat @ inverse / np.outer(scale, scale)
        return _Solved(np.asarray(values, np.float64), np.asarray(covariance, np.float64), residuals)


def _best_lag(data: _Data, powers: int) -> float:
    """The lag of the smallest misfit: on a grid, then by a parabola through its neighbours."""
    logs = np.log(LAGS_S)
    misfits = [data.misfit(float(lag), powers) for lag in LAGS_S]
    n = int(np.clip(np.argmin(misfits), 1, len(misfits) - 2))
    below, here, above = misfits[n - 1 : n + 2]
    bend = below - 2.0 * here + above
    shift = 0.0 if bend <= 0.0 else float(np.clip(0.5 * (below - above) / bend, -1.0, 1.0))
    return float(np.exp(logs[n] + shift * (logs[1] - logs[0])))


def _turnover(
    values: Floats, covariance: Floats, centre_c: float, ends: tuple[float, float], seed: int, rival: float
) -> tuple[Turnover | None, str]:
    """The root of the slope that is nearest to what was seen; its interval from draws of the coefficients.

    Which shape is the right one is not certain either: the interval also takes in ``rival``, the other one's root.
    """
    low, high = ends[0] - centre_c, ends[1] - centre_c
    found = _root(values, low, high)
    if math.isnan(found):
        return None, "not identifiable: the slope has no zero"
    if not low - _BEYOND_K <= found <= high + _BEYOND_K:
        where = "above" if found > high else "below"
        return None, (
            f"not identifiable: some {centre_c + found:.0f} °C, too far {where} the {ends[0]:.1f} to {ends[1]:.1f} °C"
            " that were reached"
        )
    draws = np.random.default_rng(seed).multivariate_normal(values, covariance, _DRAWS, check_valid="ignore")
    roots = np.array([_root(draw, low, high) for draw in draws])
    if np.mean(np.isnan(roots)) > 0.025:
        return None, "not identifiable: the curve's bend is not certain"
    low_c, high_c = (float(each) + centre_c for each in np.nanpercentile(roots, [2.5, 97.5]))
    if not math.isnan(rival):
        low_c, high_c = min(low_c, centre_c + rival), max(high_c, centre_c + rival)
    low_c = centre_c + found - math.hypot(centre_c + found - low_c, _MODEL_K)
    high_c = centre_c + found + math.hypot(high_c - centre_c - found, _MODEL_K)
    if high_c - low_c > _WIDEST_K:
        return None, f"not identifiable: between {low_c:.1f} and {high_c:.1f} °C"
    bend = 2.0 * values[2] + (6.0 * values[3] * found if values.size > 3 else 0.0)
    return Turnover(centre_c + found, low_c, high_c, float(bend)), ""


def _root(values: Floats, low: float, high: float) -> float:
    """Where the slope is zero, nearest to ``low``..``high``; NaN where it is nowhere zero."""
    if values.size == 3:
        return float(-values[1] / (2.0 * values[2])) if values[2] else math.nan
    a, b, c = 3.0 * values[3], 2.0 * values[2], values[1]
    square = b * b - 4.0 * a * c
    if a == 0.0 or square < 0.0:
        return math.nan
    roots = [(-b + sign * math.sqrt(square)) / (2.0 * a) for sign in (1.0, -1.0)]
    return float(min(roots, key=lambda x: max(low - x, 0.0, x - high)))
