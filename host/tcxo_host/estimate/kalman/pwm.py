"""Following the Pi's clock from all its edges: start, gate, moments, restart. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...edges.second import Ticks
from .clock_model import PI_D, PI_U, PI_V, EdgeBlock, Floats
from .clocks import Clocks
from .comb import Comb
from .joint_filter import PreparedBlock
from .quantisation import QuantisationTable

__all__ = ["PwmTracker"]

GATE = 6.0
"""An edge this many standard deviations from its neighbours is dropped."""
WIDEN_GATE = 20.0
"""Normalised innovation squared of the three moments: beyond this the clock bends, and rate and drift are
doubted; a second in 6000 reaches it by chance."""
BLOCK_GATE = 45.0
"""Beyond this, and with a shift of more than ``THERMAL_NS``, the second contradicts the clock."""
THERMAL_NS = 300.0
"""A second's mean phase is shifted by less than this by anything that heat does to a crystal."""
PERSISTENT = 3
"""So many contradicting seconds in a row are a change: the clock is started anew."""
GROUPS = 5
"""A second's edges are averaged in so many groups to see how well they average."""
SCATTER_EVERY = 4
LARGEST_JITTER_NS = 1000.0
WORST_RATE = 500e-6
"""No crystal is further off than this."""
MOST_EDGES = 1024
"""A block's matrices grow with the square of its edges: of more, the latest are used."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The mean residual (ns) of a block against what was predicted at its ``start``, and that prediction.

    ``variance`` is the measurement's, ns^2; offset, rate and drift as in the joint state.
    """

    start: int
    anchor: int
    teeth: int
    residual: float
    variance: float
    offset: float
    rate: float
    drift: float

    def reading_ns(self, tick: int, tick_hz: float) -> float:
        """The clock's reading offset, relative to ``teeth`` and ``anchor``, seen at a tick in the block."""
        t = (tick - self.start) / tick_hz
        return self.residual + self.offset + t * (self.rate + 0.5 * t * self.drift)


class PwmTracker:
    """The Pi's clock in the joint state."""

    def __init__(self, comb: Comb) -> None:
        self.comb = comb
        self.started = False
        self.blocks = 0
        """Blocks taken since the clock was last started."""
        self.rejected = 0
        self.restarts = 0
        self.last_good: int | None = None
        self.wrong_rate = False
        """The latest edges were nowhere near the nominal rate."""
        self.scatter: tuple[float, float] | None = None
        """Of the latest full block about its moments, ns^2: variance of an edge, and what the variance of an
        edge would be if it averaged out like noise: less for the regular patterns of a divider."""
        self.edge_variance = (1e9 / comb.tick_hz) ** 2 / 12.0
        """Of one edge, for telling outliers, ns^2."""
        self.sight: Sight | None = None
        """Where the latest good block stood, for learning the clock's noise."""
        self.jitter_variance = 0.0
        """Of one edge, as far as it averages out like noise, beyond the rounding to whole ticks, ns^2."""
        self.rounding_variance = (1e9 / comb.tick_hz) ** 2 / 12.0
        self._bad_seconds = 0
        self._full = max(1, round(comb.rate_hz))
        self._period_ticks = comb.tick_hz / comb.rate_hz
        self._prepared: dict[int, PreparedBlock] = {}
        self._blocks: dict[int, EdgeBlock] = {}
        self._tables: dict[int, QuantisationTable] = {}
        self._teeth: dict[int, Floats] = {}

    def levels_changed(self) -> None:
        """The clocks' noise levels or ``jitter_variance`` changed."""
        self._prepared.clear()

    def age_s(self, clocks: Clocks, tick: int) -> float:
        """Seconds from the latest good edge to ``tick``."""
        return math.inf if self.last_good is None else (tick - self.last_good) / clocks.tick_hz

    def take(self, clocks: Clocks, ticks: Ticks, tick_now: int) -> None:
        """Use the edges of a second. Leaves the filter at the last good one, or at ``tick_now``."""
        self.scatter = self.sight = None
        if self.started:
            ticks = ticks[-MOST_EDGES:]
        if ticks.size == 0:
            clocks.advance(tick_now)
        elif not self.started:
            self._start(clocks, ticks, tick_now)
        elif not self._block(clocks, ticks):
            self.rejected += ticks.size
            self._bad_seconds += 1
            if self._bad_seconds >= PERSISTENT:
                self.restarts += 1
                self._start(clocks, ticks, tick_now)
            else:
                clocks.advance(tick_now)

    def _start(self, clocks: Clocks, ticks: Ticks, tick_now: int) -> None:
        self.started = False
        self.blocks = 0
        period = float(np.median(np.diff(ticks))) if ticks.size >= max(2, self._full // 2) else math.nan
        rate = self._period_ticks / period - 1.0
        if math.isnan(rate) and self._full <= 2:
            rate = 0.0  # too slow for a median: the filter finds the rate itself
        if not abs(rate) < WORST_RATE:
            self.wrong_rate = not math.isnan(rate)
            self.rejected += ticks.size
            clocks.advance(tick_now)
            return
        last = int(ticks[-1])
        if ticks.size > 10:
            self.edge_variance, self.jitter_variance = self._first_scatter(ticks)
            self._prepared.clear()
        clocks.advance(last)
        self.comb.anchor = self.last_good = last
        self.started, self.wrong_rate, self._bad_seconds = True, False, 0
        # The median is good to about a tick; a slow PWM without one knows nothing yet.
        uncertainty = 2.0 / self._period_ticks if self._full > 2 else 100e-6
        clocks.filter.forget(PI_U, 4.0 * self.edge_variance, 0.0)
        clocks.filter.forget(PI_V, (uncertainty * 1e9) ** 2, rate * 1e9)
        clocks.filter.forget(PI_D, clocks.levels.pi_drift**2, 0.0)

    def _first_scatter(self, ticks: Ticks) -> tuple[float, float]:
        """Variance of the edges about a robust line, and beyond rounding: a fractional divider shows."""
        times = self._seconds(ticks, int(ticks[0]))
        scatter = _without_line(
            times, (times * self.comb.rate_hz).round() * (1e9 / self.comb.rate_hz) - times * 1e9
        )
        variance = (1.4826 * float(np.median(np.abs(scatter)))) ** 2
        variance = min(max(variance, self.rounding_variance), LARGEST_JITTER_NS**2)
        return variance, max(0.0, variance - 2.0 * self.rounding_variance)

    def _block(self, clocks: Clocks, ticks: Ticks) -> bool:
        """Take the edges as one block. False when they contradict the clock as it is known."""
        if ticks[0] - clocks.epoch > 1.5 * self._period_ticks:
            clocks.advance(int(ticks[0] - self._period_ticks))
        times = self._seconds(ticks, clocks.epoch)
        residuals, regular = self._residuals(clocks, times)
        good = self._inliers(clocks, times, residuals)
        if good is not None:
            if np.count_nonzero(good) * 2 <= ticks.size:
                return False
            ticks, times, residuals, regular = ticks[good], times[good], residuals[good], False
        prepared = self._prepare(clocks, times, regular)
        moments = prepared.weights.dot(residuals)
        noise = prepared.moments + self._rounding(clocks, prepared, regular)
        precision = clocks.filter.precision(prepared, noise)
        nis = float(moments.dot(precision).dot(moments))
        if nis > WIDEN_GATE:
            if nis > BLOCK_GATE and abs(float(moments[0])) > THERMAL_NS:
                return False
            precision = self._widen(clocks, prepared, noise, float(moments[0]))
        if good is not None:
            self.rejected += int(good.size - ticks.size)
        if ticks.size * 5 >= self._full * 4:
            self._observe(clocks, prepared, residuals, moments, float(noise[0, 0]))
        clocks.filter.update_block(prepared, moments, noise, precision)
        clocks.epoch = self.last_good = int(ticks[-1])
        clocks.move_anchor(self.comb, PI_U, clocks.epoch)
        self.blocks += 1
        self._bad_seconds = 0
        return True

    def _rounding(self, clocks: Clocks, prepared: PreparedBlock, regular: bool) -> Floats:
        """What rounding to whole ticks adds to the moments' noise at the present beat, ns^2."""
        count = prepared.weights.shape[1]
        missing = 1.0 - count / self._full
        if not regular:
            if missing > 0.2 or min(count, self._full) < 10:
                plain: Floats = prepared.block.edge_noise * self.rounding_variance
                return plain
            count = self._full
        table = self._tables.get(count)
        if table is None:
            weights = self._regular_block(count).weights
            table = self._tables[count] = QuantisationTable(weights, 1e9 / clocks.tick_hz)
        period_ticks = self._period_ticks / (1.0 + float(clocks.filter.mean[PI_V]) * 1e-9)
        if missing > 0.0:
            # A gap spoils the pattern that averages so well.
            spoiled: Floats = missing * self.rounding_variance * prepared.block.edge_noise
            spoiled += table.at(period_ticks)
            return spoiled
        return table.at(period_ticks)

    def _widen(self, clocks: Clocks, prepared: PreparedBlock, noise: Floats, shift_ns: float) -> Floats:
        """The rate bent more than the noise explains, as under a sudden load: doubt rate and drift."""
        clocks.filter.shift(PI_V, 0.0, 0.5 * shift_ns * shift_ns)
        clocks.filter.shift(PI_D, 0.0, 0.25 * shift_ns * shift_ns)
        return clocks.filter.precision(prepared, noise)

    def _residuals(self, clocks: Clocks, times: Floats) -> tuple[Floats, bool]:
        """Each edge's tooth minus the predicted reading, ns; and whether no edge is missing."""
        offset, rate, drift = clocks.filter.mean[PI_U : PI_D + 1].tolist()
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
        return residuals, consecutive and first == 1 and self.comb.anchor == clocks.epoch

    def _seconds(self, ticks: Ticks, since: int) -> Floats:
        seconds: Floats = (ticks - since).astype(np.float64)
        seconds *= 1.0 / self.comb.tick_hz
        return seconds

    def _consecutive(self, count: int) -> Floats:
        if count not in self._teeth:
            self._teeth[count] = np.arange(count, dtype=np.float64) * (1e9 / self.comb.rate_hz)
        return self._teeth[count]

    def _inliers(self, clocks: Clocks, times: Floats, residuals: Floats) -> npt.NDArray[np.bool_] | None:
        """Which edges agree with the bulk of them; None when all do. Their common shift is free."""
        sigma = math.sqrt(self.edge_variance)
        slope_sigma = math.sqrt(float(clocks.filter.cov[PI_V, PI_V])) * float(times[-1] - times[0])
        if float(residuals.max() - residuals.min()) < 2.0 * GATE * sigma:
            return None
        centred = residuals
        if slope_sigma > sigma and times.size > 3:
            # The rate is not known well enough to judge by: a robust line has it.
            centred = _without_line(times, residuals)
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

    def _observe(
        self,
        clocks: Clocks,
        block: PreparedBlock,
        residuals: Floats,
        moments: Floats,
        mean_variance: float,
    ) -> None:
        """Keep what the noise levels are learned from."""
        if (
            residuals.size == self._full
            and self.blocks % SCATTER_EVERY == 0
            and self._full % GROUPS == 0
            and self._full > 2 * GROUPS
        ):
            rest = residuals - (moments * residuals.size).dot(block.weights)
            groups = rest.reshape(GROUPS, -1).mean(axis=1)
            degrees = GROUPS - moments.size
            self.scatter = (
                float(rest.dot(rest)) / (residuals.size - moments.size),
                float(groups.dot(groups)) * (residuals.size // GROUPS) / degrees,
            )
        self.sight = Sight(
            clocks.epoch,
            self.comb.anchor,
            self.comb.teeth,
            float(moments[0]),
            mean_variance - block.process_mean_variance,
            *clocks.filter.mean[PI_U : PI_D + 1].tolist(),
        )


def _without_line(times: Floats, values: Floats) -> Floats:
    """``values`` minus a line that half of them cannot bend, and minus their median."""
    half = times.size // 2
    rise = np.median((values[half : 2 * half] - values[:half]) / (times[half : 2 * half] - times[:half]))
    rest: Floats = values - rise * times
    rest -= np.median(rest)
    return rest
