"""Whether the board and chrony speak of one crystal: two series in, a slope and a verdict out. Pure.

The board measures the error of the crystal on its line. chrony knows that of the system's clock: its own frequency less
what tempcomp adds, both + when the crystal is fast. On one crystal the two move together, so chrony's whole correction
moves by -1 for each ppm that the board sees. Another crystal moves by itself, or, as the weather is common to both, by
another factor; so what counts is the factor and its interval, not the correlation alone.

Where tempcomp is not in use, chrony follows the crystal with some lag, which is fitted. Its error is no white noise
(one value comes from up to an hour of samples), so the fit takes that of neighbours out (generalised least squares with
residuals of first-order autoregression) and counts as many degrees of freedom as there are independent values.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import student_t

__all__ = ["Judgement", "Knows", "Verdict", "judge"]

Floats = npt.NDArray[np.float64]

STEP_S = 30.0
"""The samples' distance: what comes in between is averaged, so that the board's own noise counts for nothing."""
LEAST_S = 240.0
"""A shorter time says nothing."""
WIDEST = 0.25
"""An interval of the factor that reaches further to either side tells nothing from anything."""
TOLERANCE = 0.1
"""chrony is no exact first-order lag; a crystal of the same kind beside it has another tempco than by that much."""
CLOSE = 0.8
"""The correlation with one crystal is above this when the factor is known that well."""
LAGS_S = (15.0, 40.0, 100.0, 250.0, 600.0, 1500.0)
LAG_APART = 1.25
"""The fit takes up by itself what the lag is shorter or longer than that of the list; its error widens the interval."""
LAGS_LONG = 8.0
"""Lags of which less than so many went by are not told from a drift."""
NO_LAG_EXACTLY = 0.05
"""What chrony differs from a first-order lag by, as an error of the factor (measured with chronyd 4.3)."""
TEMPCOMP_LAG_S = 100.0
"""With tempcomp nothing lags where all is well, so there is nothing to fit; where not, chrony at its usual polls."""
LEAST_PPM = 0.005
"""A crystal that moves less is lost in the noise of both."""
MEMORY_UPDATES = 16.0
"""From about so many measurements chrony makes its frequency: what is faster it does not see."""
SKEWS = 2.0
MOST_RHO = 0.998
ROUNDS = 4


class Verdict(enum.StrEnum):
    """What the two series say."""

    RIGHT = "right"
    WRONG_SIGN = "wrong-sign"
    NOT_APPLIED = "not-applied"
    INVERTED = "inverted"
    OTHER_CRYSTAL = "other-crystal"
    TOO_LITTLE = "too-little"


@dataclass(frozen=True, slots=True)
class Judgement:
    """``slope``: of chrony's whole correction over the board's error, -1 on one crystal, with its 95 % interval.

    ``correlation`` has the slope's sign. ``residual_ppm``: what is left, one standard deviation. ``apart_ppm``: mean of
    chrony's crystal less the board's. ``moved_ppm``: how far the crystal moved, from its 2 % to its 98 % point.
    Figures are None while nothing can be said.
    """

    verdict: Verdict
    seconds: float
    samples: int
    moved_ppm: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    correlation: float | None = None
    residual_ppm: float | None = None
    apart_ppm: float | None = None
    lag_s: float | None = None


@dataclass(frozen=True, slots=True)
class Knows:
    """How well and how fast chrony knows its own frequency: medians of ``chronyc tracking`` over the time."""

    skew_ppm: float
    update_interval_s: float


@dataclass(frozen=True, slots=True)
class _Fit:
    slope: float
    half_width: float
    residuals: Floats
    cost: float


def judge(
    time_s: Floats, board_ppm: Floats, chrony_ppm: Floats, active: bool, knows: Knows | None = None
) -> Judgement:
    """``time_s`` grows; ``board_ppm``: the crystal's error by the board; ``chrony_ppm``: by chrony, its own frequency,
    less what the file holds where ``active`` (chrony is told to apply the file).

    A chrony that is slow or unsure finds no fault with anything, as its own frequency then stays where it is; so the
    interval is at least what it ``knows``. Where that is not known (None), only a movement of its own is believed.
    """
    seconds = float(time_s[-1] - time_s[0]) if time_s.size else 0.0
    time_s, board, chrony = _stepped(time_s, board_ppm, chrony_ppm)
    nothing = Judgement(Verdict.TOO_LITTLE, seconds, int(time_s.size))
    if seconds < LEAST_S or time_s.size < LEAST_S / STEP_S / 2:
        return nothing
    # with tempcomp only what is left after it lags; without it, all that chrony does
    wanted = chrony - board if active else chrony
    lags_s = (TEMPCOMP_LAG_S,) if active else [each for each in LAGS_S if each * LAGS_LONG <= seconds]
    moved = float(np.subtract(*np.quantile(board, (0.98, 0.02))))
    if moved < LEAST_PPM:
        return Judgement(Verdict.TOO_LITTLE, seconds, int(time_s.size), moved)
    fits = [(_fit(_regressors(time_s, board, lag_s), wanted), lag_s) for lag_s in lags_s]
    fit, lag_s = min(fits, key=lambda each: each[0].cost)
    half_width = math.hypot(fit.half_width, 0.0 if active else NO_LAG_EXACTLY)
    if knows is not None:
        half_width = math.hypot(half_width, _unknown(time_s, board, knows))
    factor = fit.slope + (1.0 if active else 0.0)
    explained = chrony - fit.residuals
    correlation = _correlation(chrony, explained)
    verdict = _verdict(factor, half_width, correlation, active)
    stands = verdict is Verdict.OTHER_CRYSTAL or (active and verdict is Verdict.RIGHT)
    return Judgement(
        Verdict.TOO_LITTLE if stands and knows is None else verdict,
        seconds,
        int(time_s.size),
        moved,
        -factor,
        -factor - half_width,
        -factor + half_width,
        -math.copysign(correlation, factor),
        float(np.std(fit.residuals)),
        float(np.mean(chrony - board)),
        None if active else lag_s,
    )


def _verdict(factor: float, half_width: float, correlation: float, active: bool) -> Verdict:
    if half_width > WIDEST:
        return Verdict.TOO_LITTLE
    expected = {1.0: Verdict.RIGHT, -1.0: Verdict.WRONG_SIGN}
    if active:
        expected |= {2.0: Verdict.NOT_APPLIED, 3.0: Verdict.INVERTED}
    for value, verdict in expected.items():
        if abs(factor - value) <= half_width + TOLERANCE:
            return verdict if correlation >= CLOSE else Verdict.TOO_LITTLE
    return Verdict.OTHER_CRYSTAL


def _unknown(time_s: Floats, board: Floats, knows: Knows) -> float:
    """What chrony's own uncertainty is, against how far the crystal moved slowly enough for it."""
    slow = _lagged(time_s, board, max(1.0, MEMORY_UPDATES * knows.update_interval_s))
    return SKEWS * knows.skew_ppm / max(float(np.ptp(slow)), 1e-9)


def _stepped(time_s: Floats, *series: Floats) -> tuple[Floats, ...]:
    """Means over steps of ``STEP_S``; steps without a sample are left out."""
    if not time_s.size:
        return time_s, *series
    step = np.floor((time_s - time_s[0]) / STEP_S).astype(int)
    used, position = np.unique(step, return_inverse=True)
    count = np.bincount(position)
    means = (np.bincount(position, each) / count for each in series)
    return (used + 0.5) * STEP_S, *means


def _regressors(time_s: Floats, values: Floats, lag_s: float) -> Floats:
    """``values`` behind a first-order lag, how that changes with the lag, what it still follows of the time before the
    first value, and a constant, as columns."""
    longer = _lagged(time_s, values, lag_s * LAG_APART)
    shorter = _lagged(time_s, values, lag_s / LAG_APART)
    lagged = _lagged(time_s, values, lag_s)
    before = np.exp(-(time_s - time_s[0]) / lag_s)
    return np.column_stack([lagged - lagged.mean(), longer - shorter, before, np.ones(values.size)])


def _lagged(time_s: Floats, values: Floats, lag_s: float) -> Floats:
    """``values`` as a first-order lag follows them; it begins where they begin."""
    followed = np.empty_like(values)
    last, before_s = values[0], time_s[0]
    for index, value in enumerate(values):
        last = value + (last - value) * math.exp(-(time_s[index] - before_s) / lag_s)
        followed[index], before_s = last, time_s[index]
    return followed


def _fit(columns: Floats, y: Floats) -> _Fit:
    """y over the columns, the first of which counts, with residuals of first-order autoregression."""
    count, unknown = columns.shape
    rho = 0.0
    for _ in range(ROUNDS):
        # Prais and Winsten: the first value is kept, with its own weight
        first = math.sqrt(1 - rho**2)
        a = np.vstack([columns[:1] * first, columns[1:] - rho * columns[:-1]])
        b = np.concatenate([y[:1] * first, y[1:] - rho * y[:-1]])
        solution, *_ = np.linalg.lstsq(a, b, rcond=None)
        residuals = y - columns @ solution
        left = b - a @ solution
        rho = _rho(residuals)
    freedom = max(3.0, (count - unknown) * (1 - rho) / (1 + rho))
    scale = float(left @ left) / max(1, count - unknown)
    inverse = np.linalg.pinv(a.T @ a)
    half_width = student_t(freedom) * math.sqrt(scale * float(inverse[0, 0]))
    return _Fit(float(solution[0]), half_width, residuals, scale)


def _rho(residuals: Floats) -> float:
    """The correlation of neighbours, its bias in short series taken out (Kendall 1954)."""
    centred = residuals - residuals.mean()
    power = float(centred @ centred)
    if power <= 0:
        return 0.0
    rho = float(centred[1:] @ centred[:-1]) / power
    return min(MOST_RHO, max(0.0, rho + (1 + 3 * rho) / residuals.size))


def _correlation(one: Floats, other: Floats) -> float:
    """Its size, 0 to 1."""
    spread = float(np.std(one) * np.std(other))
    return (
        min(1.0, abs(float(np.mean((one - one.mean()) * (other - other.mean())))) / spread) if spread else 0.0
    )
