"""Confidence intervals from few independent pieces: Student's t, and the bootstrap over pairs of blocks. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["CONFIDENCE", "bootstrap", "mean_interval", "student_t"]

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
DRAWS = 2000


def student_t(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t, for 3 and more degrees of freedom to 1 %.

    The expansion in 1/freedom of Abramowitz and Stegun, 26.7.5.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def bootstrap(
    pieces: int, statistic: Callable[[npt.NDArray[np.intp]], Floats], seed: int = 0
) -> tuple[Floats, Floats]:
    """The 95 % intervals of statistics of ``pieces`` (4 or more) independent pieces, by drawing them with replacement.

    ``statistic`` takes the numbers of pieces drawn, a draw a row, and gives a row of values for each; the same
    ``seed``, the same draws. Lower and upper ends come in the order of the values. The percentile interval, widened for
    few pieces as Hesterberg does (What Teachers Should Know about the Bootstrap, 2015, "expanded percentile"): by
    itself it is too narrow by sqrt((n - 1) / n), and as if sigma were known.
    """
    values = statistic(np.random.default_rng(seed).integers(0, pieces, (DRAWS, pieces)))
    tail = NormalDist().cdf(-math.sqrt(pieces / (pieces - 1)) * student_t(pieces - 1))
    low, high = np.quantile(values, (tail, 1 - tail), axis=0)
    return low, high


def mean_interval(values: Floats) -> tuple[float, float]:
    """Student's 95 % interval of the mean of 4 or more independent values."""
    half = student_t(values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(values.mean()) - half, float(values.mean()) + half
