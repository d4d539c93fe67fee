"""The mean of a wandering difference and its drift, with intervals that correlation does not make too narrow. Pure.

Batch means (Law and Kelton, "Simulation Modeling and Analysis", section 9.5.3): the time is cut into equal blocks,
as few as it takes until the means of neighbouring blocks are no longer correlated; those are independent values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCKS", "Bias", "constant_bias", "student_95"]

Floats = npt.NDArray[np.float64]

BLOCKS = (96, 64, 48, 32, 24, 16, 12)
FEW_BLOCKS = 16
LEAST_IN_BLOCK = 4
_FILLED = 0.5
"""A block with less than half of its samples has no say."""
_STRONGEST = 0.9
_RESOLVED_S = 1e-9
"""What moves by less only shows how the values were rounded: chrony's logs have seven digits and microseconds."""


@dataclass(frozen=True, slots=True)
class Bias:
    """``bias_s`` in the middle of the time; the intervals hold the true value with 95 %.

    ``wanders``: even means of a twelfth of the time are correlated, so that there is no constant bias to be had from
    these data; ``bias_half_s`` is then half the range of those means and claims nothing of another time.
    """

    bias_s: float
    bias_half_s: float
    drift_per_s: float
    drift_half_per_s: float
    std_s: float
    blocks: int
    block_s: float
    wanders: bool

    @property
    def is_seen(self) -> bool:
        """Whether the bias differs from none."""
        return abs(self.bias_s) > self.bias_half_s

    @property
    def drifts(self) -> bool:
        """Whether the drift differs from none."""
        return not self.wanders and abs(self.drift_per_s) > self.drift_half_per_s


def constant_bias(time_s: Floats, x_s: Floats) -> Bias | None:
    """Of time differences at increasing times; None where they are too few (some 32) or all in one place."""
    found = None
    settled = False
    means_s = np.empty(0)
    for blocks in BLOCKS:
        means = _block_means(time_s, x_s, blocks)
        if means is None:
            continue
        means_s = means[1]
        found, correlation = _from_means(*means, x_s, blocks, float(time_s[-1] - time_s[0]) / blocks)
        if (
            settled
        ):  # one step further than where no correlation was seen: it may only have been hidden by chance
            return found
        # of independent values a straight line leaves residuals with a correlation of some -2/n, scattered by 1/sqrt(n)
        settled = correlation + 2.0 / blocks < 1.0 / np.sqrt(blocks)
    if found is None or settled or float(np.ptp(means_s)) < _RESOLVED_S:
        return found
    return replace(found, bias_half_s=float(np.ptp(means_s)) / 2, wanders=True)


def student_95(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t, to three digits from seven degrees of freedom on.

    Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5).
    """
    z = 1.959964
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def _block_means(time_s: Floats, x_s: Floats, blocks: int) -> tuple[Floats, Floats] | None:
    """``(middle_s, mean)`` of the blocks that are filled; None where three quarters of them are not."""
    if time_s.size < LEAST_IN_BLOCK * blocks or time_s[-1] <= time_s[0]:
        return None
    edges = np.linspace(time_s[0], time_s[-1], blocks + 1)
    index = np.clip(np.searchsorted(edges, time_s, "right") - 1, 0, blocks - 1)
    counts = np.bincount(index, minlength=blocks)
    filled = counts >= max(1.0, _FILLED * np.median(counts[counts > 0]))
    if np.count_nonzero(filled) < max(6, 0.75 * blocks):
        return None
    sums = np.bincount(index, x_s, blocks)
    return ((edges[:-1] + edges[1:]) / 2)[filled], sums[filled] / counts[filled]


def _from_means(
    middle_s: Floats, mean_s: Floats, x_s: Floats, blocks: int, block_s: float
) -> tuple[Bias, float]:
    """The estimate from block means, and the correlation of neighbours that it left."""
    size = mean_s.size
    since_s = middle_s - middle_s.mean()
    spread = float(np.sum(since_s**2))
    drift = float(np.sum(since_s * mean_s)) / spread
    level_s = float(mean_s.mean())
    left_s = mean_s - level_s - drift * since_s
    variance = float(np.sum(left_s**2)) / (size - 2)
    correlation = _correlation(left_s)
    # half a standard deviation more than seen: what passed as none may be some
    hidden = min(_STRONGEST, max(0.0, correlation + 2.0 / size + 0.5 / np.sqrt(size)))
    factor = student_95(size - 2) * np.sqrt((1 + hidden) / (1 - hidden))
    drift_half = float(factor * np.sqrt(variance / spread))
    if abs(drift) <= drift_half:
        variance = float(np.sum((mean_s - level_s) ** 2)) / (size - 1)
    found = Bias(
        level_s,
        float(factor * np.sqrt(variance / size)),
        drift,
        drift_half,
        float(np.std(x_s)),
        size,
        block_s,
        wanders=False,
    )
    # of a few blocks a line takes the wandering out, too: there it must not be there before
    return found, max(correlation, _correlation(mean_s - level_s)) if size <= FEW_BLOCKS else correlation


def _correlation(values: Floats) -> float:
    """Of neighbours; 0 where all are 0."""
    power = float(np.sum(values**2))
    return float(np.sum(values[1:] * values[:-1])) / power if power > 0 else 0.0
