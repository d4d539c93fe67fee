"""A second of the Pi's edges against what the filter predicts: outliers, moments, noise, surprise. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....edges.second import Ticks
from ..filter.clock_model import PI_U, PI_V, EdgeBlock, Floats
from ..filter.clocks import Clocks
from ..filter.comb import Comb
from ..filter.joint_filter import PreparedBlock
from .quantisation import COARSE_NS, QuantisationTable, stands_still

__all__ = ["EdgeReader", "Seen", "without_line"]

GATE = 6.0
"""An edge this many standard deviations from its neighbours is dropped."""


class Seen(NamedTuple):
    """The good edges of a second as moments (ns) against the prediction.

    ``noise`` is the moments' own covariance, ``precision`` the inverse of their whole predicted one, and
    ``surprise`` their normalised square. ``last``: index of the last good edge; ``dropped``: how many others.
    """

    prepared: PreparedBlock
    residuals: Floats
    last: int
    dropped: int
    moments: Floats
    noise: Floats
    precision: Floats
    surprise: float


class EdgeReader:
    """Reads the edges of one comb; keeps the tables that this takes."""

    def __init__(self, comb: Comb) -> None:
        self.comb = comb
        self.full = max(1, round(comb.rate_hz))
        """Edges of a whole second."""
        self.period_ticks = comb.tick_hz / comb.rate_hz
        self.rounding_variance = (1e9 / comb.tick_hz) ** 2 / 12.0
        self.edge_variance = self.rounding_variance
        """Of one edge, for telling outliers, ns^2."""
        self.jitter_variance = 0.0
        """Of one edge, as far as it averages out like noise, beyond the rounding to whole ticks, ns^2."""
        self._prepared: dict[int, PreparedBlock] = {}
        self._blocks: dict[int, EdgeBlock] = {}
        self._tables: dict[int, QuantisationTable] = {}
        self._teeth: dict[int, Floats] = {}

    def levels_changed(self) -> None:
        """The clocks' noise levels or ``jitter_variance`` changed."""
        self._prepared.clear()

    def stands_still(self, clocks: Clocks, is_new: bool) -> bool:
        """Whether the edges hardly move against ticks too coarse for that, or (``is_new``) nobody can know yet."""
        if is_new and 1e9 / clocks.tick_hz > COARSE_NS:
            return True
        period_ticks = self.period_ticks / (1.0 + float(clocks.filter.mean[PI_V]) * 1e-9)
        return stands_still(period_ticks, self.comb.rate_hz, 1e9 / clocks.tick_hz)

    def seconds(self, ticks: Ticks, since: int) -> Floats:
        """Nominal seconds from ``since`` to each of ``ticks``."""
        seconds: Floats = (ticks - since).astype(np.float64)
        seconds *= 1.0 / self.comb.tick_hz
        return seconds

    def residuals(self, clocks: Clocks, times: Floats) -> tuple[Floats, bool]:
        """Each edge's tooth minus the predicted reading, ns; and whether no edge is missing."""
        offset, rate, drift = clocks.filter.mean[PI_U : PI_U + 3].tolist()
        base_s = (clocks.epoch - self.comb.anchor) / clocks.tick_hz
        rate_hz, count = self.comb.rate_hz, times.size
        speed = 1.0 + rate * 1e-9
        first = round((base_s + offset * 1e-9 + float(times[0]) * speed) * rate_hz)
        last = round((base_s + offset * 1e-9 + float(times[-1]) * speed) * rate_hz)
        consecutive = last - first + 1 == count
        if consecutive:
            teeth = self._consecutive(count) + (first / rate_hz * 1e9 - base_s * 1e9 - offset)
        else:
            whole = np.round((base_s + offset * 1e-9 + times * speed) * rate_hz)
            teeth = whole * (1e9 / rate_hz) - (base_s * 1e9 + offset)
        residuals = teeth - times * (1e9 + rate) - (0.5 * drift) * (times * times)
        if not consecutive:
            # Half a period off each edge has two nearest teeth: those of the last edge's side count for all.
            away = (residuals - residuals[-1]) * (rate_hz * 1e-9)
            residuals -= np.where(np.abs(away) > 0.75, np.round(away), 0.0) * (1e9 / rate_hz)
        return residuals, consecutive and first == 1 and self.comb.anchor == clocks.epoch

    def see(self, clocks: Clocks, times: Floats, residuals: Floats, regular: bool) -> Seen | None:
        """The second without its outliers. None when most edges are."""
        last, dropped = times.size - 1, 0
        good = self._inliers(clocks, times, residuals)
        if good is not None:
            dropped = good.size - int(np.count_nonzero(good))
            if dropped * 2 >= good.size:
                return None
            last = int(np.flatnonzero(good)[-1])
            times, residuals, regular = times[good], residuals[good], False
        prepared = self._prepare(clocks, times, regular)
        moments = prepared.weights.dot(residuals)
        noise = prepared.moments + self._rounding(clocks, prepared, regular)
        precision = clocks.filter.precision(prepared, noise)
        surprise = float(moments.dot(precision).dot(moments))
        return Seen(prepared, residuals, last, dropped, moments, noise, precision, surprise)

    def _rounding(self, clocks: Clocks, prepared: PreparedBlock, regular: bool) -> Floats:
        """What rounding to whole ticks adds to the moments' noise at the present beat, ns^2."""
        count = prepared.weights.shape[1]
        missing = 1.0 - count / self.full
        if not regular:
            if missing > 0.2 or min(count, self.full) < 10:
                plain: Floats = prepared.block.edge_noise * self.rounding_variance
                return plain
            count = self.full
        table = self._tables.get(count)
        if table is None:
            weights = self._regular_block(count).weights
            table = self._tables[count] = QuantisationTable(weights, 1e9 / clocks.tick_hz)
        period_ticks = self.period_ticks / (1.0 + float(clocks.filter.mean[PI_V]) * 1e-9)
        if missing > 0.0:
            # A gap spoils the pattern that averages so well.
            spoiled: Floats = missing * self.rounding_variance * prepared.block.edge_noise
            spoiled += table.at(period_ticks)
            return spoiled
        return table.at(period_ticks)

    def _consecutive(self, count: int) -> Floats:
        if count not in self._teeth:
            self._teeth[count] = np.arange(count, dtype=np.float64) * (1e9 / self.comb.rate_hz)
        return self._teeth[count]

    def _inliers(self, clocks: Clocks, times: Floats, residuals: Floats) -> npt.NDArray[np.bool_] | None:
        """Which edges agree with the bulk of them; None when all do. Their common shift is free."""
        sigma = math.sqrt(self.edge_variance)
        if float(residuals.max() - residuals.min()) < 2.0 * GATE * sigma:
            return None
        slope_sigma = math.sqrt(float(clocks.filter.cov[PI_V, PI_V])) * float(times[-1] - times[0])
        centred = residuals
        if slope_sigma > sigma and times.size > 3:
            # The rate is not known well enough to judge by: a robust line has it.
            centred = without_line(times, residuals)
        good: npt.NDArray[np.bool_] = np.abs(centred - np.median(centred)) < GATE * sigma
        return None if good.all() else good

    def _prepare(self, clocks: Clocks, times: Floats, regular: bool) -> PreparedBlock:
        count = times.size
        if not regular:
            return PreparedBlock(EdgeBlock(times), clocks.levels, self.jitter_variance)
        prepared = self._prepared.get(count)
        if prepared is None:
            prepared = PreparedBlock(self._regular_block(count), clocks.levels, self.jitter_variance)
            self._prepared[count] = prepared
        return prepared

    def _regular_block(self, count: int) -> EdgeBlock:
        """So many edges, none missing, right after the block's start."""
        if count not in self._blocks:
            self._blocks[count] = EdgeBlock(np.arange(1, count + 1) / self.comb.rate_hz)
        return self._blocks[count]


def without_line(times: Floats, values: Floats) -> Floats:
    """``values`` minus a line that half of them cannot bend, and minus their median."""
    half = times.size // 2
    rise = np.median((values[half : 2 * half] - values[:half]) / (times[half : 2 * half] - times[:half]))
    rest: Floats = values - rise * times
    rest -= np.median(rest)
    return rest
