"""A Kalman filter over the joint clock model: mean, covariance, and the ways to move them. Pure.

All updates are in Joseph form, so the covariance stays positive and symmetric for ever. The block update
is the general one for measurement noise that is correlated with the process noise of the same step:
P+ = A P A' + [I -K] G [I -K]' with A = F - K H and G the joint noise covariance.

Products are spelled ``dot`` where they run every second: on matrices this small it takes 0.4 times as long as
``@``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .clock_model import SIZE, EdgeBlock, Floats, Levels, transition, unit_noise, weighted_sum

__all__ = ["JointFilter", "PreparedBlock"]

_LONGEST_STEP_S = 8.0
_MOST_STEPS = 512
"""More than an hour: beyond, longer steps only overstate what is not known any more."""


class JointFilter:
    """Mean (ns, ppb, ppb/s) and covariance of the joint state at one moment."""

    def __init__(self) -> None:
        self.mean: Floats = np.zeros(SIZE)
        self.cov: Floats = np.zeros((SIZE, SIZE))

    def predict(self, span_s: float, levels: Levels) -> None:
        """Move on by ``span_s`` without a measurement; the work is bounded, whatever the span."""
        steps = min(max(1, math.ceil(span_s / _LONGEST_STEP_S)), _MOST_STEPS)
        step_s = span_s / steps
        matrix, noise = transition(step_s), weighted_sum(levels.intensities(), unit_noise(step_s))
        for _ in range(steps):
            self.mean = matrix @ self.mean
            cov = matrix @ self.cov @ matrix.T + noise
            self.cov = 0.5 * (cov + cov.T)

    def precision(self, prepared: PreparedBlock, noise: Floats) -> Floats:
        """Inverse covariance (m, m) of the block's moments as predicted; ``noise`` is the moments' own."""
        design = prepared.block.design
        return _inverse(design.dot(self.cov).dot(design.T) + noise)

    def update_block(
        self, prepared: PreparedBlock, moments: Floats, noise: Floats, precision: Floats
    ) -> None:
        """Move on to the block's end and take its ``moments`` (ns), residuals against this mean."""
        design, matrix = prepared.block.design, prepared.block.transition
        cross = matrix.dot(self.cov).dot(design.T) + prepared.cross
        gain = cross.dot(precision)
        closed = matrix - gain.dot(design)
        cov = closed.dot(self.cov).dot(closed.T) + prepared.process
        shared = prepared.cross.dot(gain.T)
        cov += gain.dot(noise).dot(gain.T) - shared - shared.T
        cov += cov.T
        cov *= 0.5
        self.cov = cov
        self.mean = matrix.dot(self.mean) + gain.dot(moments)

    def offset_at(self, u: int, ago_s: float) -> tuple[float, float]:
        """Predicted reading offset of the clock at ``u``, ``ago_s`` before now, and its variance."""
        v = u + 1
        mean, cov = self.mean.item, self.cov.item
        offset = mean(u) - ago_s * mean(v)
        variance = cov(u, u) - 2.0 * ago_s * cov(u, v) + ago_s * ago_s * cov(v, v)
        return offset, max(variance, 0.0)  # rounding may leave less than nothing of large numbers

    def update_offset(self, u: int, ago_s: float, residual_ns: float, variance: float) -> None:
        """Take one measurement of the reading offset of the clock at ``u``, made ``ago_s`` ago."""
        cov = self.cov
        shared = cov[u] - ago_s * cov[u + 1]
        total = shared.item(u) - ago_s * shared.item(u + 1) + variance
        # Joseph's form multiplied out for the best gain; the square root keeps it symmetric to the last bit.
        taken = shared / math.sqrt(total)
        self.cov = cov - taken[:, None] * taken
        self.mean += shared * (residual_ns / total)

    def forget(self, index: int, variance: float, mean: float | None = None) -> None:
        """Set one element loose: no correlation with the others, ``variance``, and ``mean`` if given."""
        self.cov[index, :] = 0.0
        self.cov[:, index] = 0.0
        self.cov[index, index] = variance
        if mean is not None:
            self.mean[index] = mean

    def widen_together(self, indices: Sequence[int], variance: float) -> None:
        """Doubt what these elements have in common, and not how they differ."""
        self.cov[np.ix_(indices, indices)] += variance

    def shift(self, index: int, by: float, variance: float = 0.0) -> None:
        """Move the mean of one element, and widen it."""
        self.mean[index] += by
        self.cov[index, index] += variance


def _inverse(matrix: Floats) -> Floats:
    """Of a small symmetric matrix; three by three by hand, which is four times as fast."""
    if matrix.shape != (3, 3):
        inverse: Floats = np.linalg.inv(matrix).astype(np.float64)
        return inverse
    (a, b, c), (_, d, e), (_, _, f) = matrix.tolist()
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1.0 / (a * aa + b * bb + c * cc)
    aa, bb, cc = aa * scale, bb * scale, cc * scale
    dd, ee, ff = (a * f - c * c) * scale, (b * c - a * e) * scale, (a * d - b * b) * scale
    return np.array(((aa, bb, cc), (bb, dd, ee), (cc, ee, ff)))


class PreparedBlock:
    """An ``EdgeBlock`` at certain noise levels; ``jitter_variance`` of one edge in ns^2."""

    def __init__(self, block: EdgeBlock, levels: Levels, jitter_variance: float) -> None:
        self.block = block
        self.weights = block.weights
        self.process, self.moments, self.cross = block.at(levels, jitter_variance)
        self.process_mean_variance = float(self.moments[0, 0] - jitter_variance * block.edge_noise[0, 0])
        """What the clocks' own noise inside the block does to the mean of the phases, ns^2."""
