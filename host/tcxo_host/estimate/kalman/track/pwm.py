"""Following the Pi's clock from all its edges: start, steps and bends, restart. Pure."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from ....edges.second import Ticks
from ..filter.clock_model import PI_D, PI_U, PI_V, Floats
from ..filter.clocks import Clocks
from ..filter.comb import Comb
from .bends import Bend, find_bend
from .edge_reader import EdgeReader, Seen, without_line
from .sight import NOTABLE_PPB, Sight, Turn

__all__ = ["PwmTracker"]

WIDEN_GATE = 20.0
"""Normalised innovation squared of the three moments: beyond this the clock bends, and rate and drift are
doubted; a second in 6000 reaches it by chance."""
BLOCK_GATE = 45.0
"""Beyond this, and with a shift of more than ``THERMAL_NS``, the second contradicts the clock, unless one bend
of its rate explains all its edges."""
THERMAL_NS = 300.0
"""A second's mean phase is shifted by less than this by anything that heat does to a crystal."""
EXPLAINED = 4.0
"""A bend explains a second when the mean square that it leaves is at most so many variances of an edge."""
LARGEST_DOUBT_NS = 1e5
"""A larger step, as of a UART that had nothing to send, is known to be itself and doubted by no more than this."""
LONGEST_PAUSE_S = 10.0
"""After longer a larger step may be another signal, or another counter: the clock is started anew."""
JUMP_PPB = 15.0
"""A bend of the rate by more than this within a second is a jump, and not the beginning of a drift..."""
SURE = 6.0
"""...which so many standard deviations show: few edges behind a late bend show one by chance..."""
JUMP_DRIFTS_S = 5.0
"""...unless the Pi's drift is known to change as much in so many seconds, as under load behind short thermal lags."""
DRIFT_SHARE = 0.2
"""What bends the rate may still be heat and go on: the drift is doubted by this share of the bend, per second..."""
SUDDEN_PPB = 100.0
"""...unless the bend is beyond this, which is no work of heat."""
LATE = 0.8
"""What happens in the last part of a second is left to the next one to judge."""
ROUNDED = 5.0
"""A step within so many standard deviations of a second's mean may come from rounding to whole ticks, which hits
all edges alike where the period is nearly a whole number of them."""
SLIPS, SLIP_S = 4, 60.0
"""So many steps of the phase within so long are no accidents."""
STILL_S = 60.0
"""So long after the edges were last seen to stand still against coarse ticks the rate is not believed."""
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
FEWEST_EDGES = 10
"""With fewer in a second steps and bends cannot be told apart."""


class PwmTracker:
    """The Pi's clock in the joint state."""

    def __init__(self, comb: Comb) -> None:
        self.comb = comb
        self.reader = EdgeReader(comb)
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
        self.sight: Sight | None = None
        """Where the latest good block stood, for learning the clock's noise."""
        self.turn: Turn | None = None
        """What happened to the rate in the latest second."""
        self._bad_seconds = 0
        self._still_at = -math.inf
        self._steps: deque[int] = deque(maxlen=SLIPS)

    def complaint(self, clocks: Clocks, tick: int, timeout_s: float) -> str:
        """Why nothing can be said of the Pi's clock; empty when something can."""
        if self.wrong_rate:
            return "PWM is not at its nominal rate"
        if self.started and self.reader.stands_still(clocks, self.blocks < PERSISTENT):
            self._still_at = tick
        if tick - self._still_at < STILL_S * clocks.tick_hz:
            return f"PWM was not seen to move against ticks of {1e9 / clocks.tick_hz:.0f} ns for a minute"
        if len(self._steps) == SLIPS and tick - self._steps[0] < SLIP_S * clocks.tick_hz:
            # Steps that recur are part of the rate: what is seen between them is not the clock's.
            return "PWM steps again and again: is its clock a fraction?"
        if self.age_s(clocks, tick) > timeout_s:
            return "PWM lost" if self.last_good is not None else "waiting for PWM"
        return ""

    def age_s(self, clocks: Clocks, tick: int) -> float:
        """Seconds from the latest good edge to ``tick``."""
        return math.inf if self.last_good is None else (tick - self.last_good) / clocks.tick_hz

    def take(self, clocks: Clocks, ticks: Ticks, tick_now: int) -> None:
        """Use the edges of a second. Leaves the filter at the last good one, or at ``tick_now``."""
        self.scatter = self.sight = self.turn = None
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
        full, period_ticks = self.reader.full, self.reader.period_ticks
        period = float(np.median(np.diff(ticks))) if ticks.size >= max(2, full // 2) else math.nan
        rate = period_ticks / period - 1.0
        if math.isnan(rate) and full <= 2:
            rate = 0.0  # too slow for a median: the filter finds the rate itself
        if not abs(rate) < WORST_RATE:
            self.wrong_rate = not math.isnan(rate)
            self.rejected += ticks.size
            clocks.advance(tick_now)
            return
        last = int(ticks[-1])
        if ticks.size > 10:
            self._first_scatter(ticks)
        clocks.advance(last)
        self.comb.anchor = self.last_good = last
        self.started, self.wrong_rate, self._bad_seconds = True, False, 0
        # The median is good to about a tick; a slow PWM without one knows nothing yet.
        uncertainty = 2.0 / period_ticks if full > 2 else 100e-6
        clocks.filter.forget(PI_U, 4.0 * self.reader.edge_variance, 0.0)
        clocks.filter.forget(PI_V, (uncertainty * 1e9) ** 2, rate * 1e9)
        clocks.filter.forget(PI_D, clocks.levels.pi_drift**2, 0.0)

    def _first_scatter(self, ticks: Ticks) -> None:
        """Variance of the edges about a robust line, and beyond rounding: a fractional divider shows."""
        reader, rate_hz = self.reader, self.comb.rate_hz
        times = reader.seconds(ticks, int(ticks[0]))
        scatter = without_line(times, (times * rate_hz).round() * (1e9 / rate_hz) - times * 1e9)
        variance = (1.4826 * float(np.median(np.abs(scatter)))) ** 2
        reader.edge_variance = min(max(variance, reader.rounding_variance), LARGEST_JITTER_NS**2)
        reader.jitter_variance = max(0.0, reader.edge_variance - 2.0 * reader.rounding_variance)
        reader.levels_changed()

    def _block(self, clocks: Clocks, ticks: Ticks) -> bool:
        """Take the edges as one block. False when they contradict the clock as it is known."""
        reader = self.reader
        if ticks[0] - clocks.epoch > 1.5 * reader.period_ticks:
            clocks.advance(int(ticks[0] - reader.period_ticks))
        times, residuals, seen = self._look(clocks, ticks)
        if seen is not None and seen.surprise <= WIDEN_GATE and seen.dropped * 10 <= ticks.size:
            self._absorb(clocks, ticks, seen)
            return True
        bend = self._bend(times, residuals, seen) if ticks.size >= FEWEST_EDGES else None
        if bend is None or not self._explains(bend):
            return seen is not None and self._take_unexplained(clocks, ticks, seen)
        smallest = 0.0 if seen is None else ROUNDED * math.sqrt(float(seen.noise[0, 0]))
        largest = math.inf if self.age_s(clocks, int(ticks[0])) < LONGEST_PAUSE_S else LARGEST_DOUBT_NS
        if bend.is_step and smallest < abs(bend.size) < largest:
            return self._take_beside_step(clocks, ticks, bend)
        jump_ppb = max(JUMP_PPB, JUMP_DRIFTS_S * clocks.levels.pi_drift)
        if not bend.is_step and (seen is None or (abs(bend.size) > jump_ppb and bend.sigmas > SURE)):
            return self._take_bent(clocks, ticks, bend)
        return seen is not None and self._take_unexplained(clocks, ticks, seen)

    def _take_unexplained(self, clocks: Clocks, ticks: Ticks, seen: Seen) -> bool:
        """Take a second that surprises for no single reason, with more doubt. False when it is nonsense."""
        if seen.surprise <= WIDEN_GATE:
            self._absorb(clocks, ticks, seen)
            return True
        shift_ns = float(np.abs(seen.moments).max())
        if seen.surprise > BLOCK_GATE and shift_ns > THERMAL_NS:
            return False
        # The rate bent more than the noise explains, as under a sudden load.
        square = shift_ns * shift_ns
        return self._take_widened(clocks, ticks, 0.5 * square, 0.25 * square, clocks.epoch)

    def _look(self, clocks: Clocks, ticks: Ticks) -> tuple[Floats, Floats, Seen | None]:
        """Times (s since the epoch) and residuals (ns) of edges, and what is seen of them."""
        times = self.reader.seconds(ticks, clocks.epoch)
        residuals, regular = self.reader.residuals(clocks, times)
        return times, residuals, self.reader.see(clocks, times, residuals, regular)

    def _take_bent(self, clocks: Clocks, ticks: Ticks, bend: Bend) -> bool:
        """Take a second in two parts, with a doubted rate where it bends."""
        start = clocks.epoch + round(bend.start_s * clocks.tick_hz)
        if bend.first > 0:
            _, _, before = self._look(clocks, ticks[: bend.first])
            if before is None:
                return False
            self._absorb(clocks, ticks[: bend.first], before)
            if bend.first > LATE * ticks.size:
                return True  # too few edges behind it: the next second tells what they mean
            ticks = ticks[bend.first :]
        gained_ns = bend.size * max(0.0, clocks.seconds_after(start) * -1.0)
        drift_doubt = DRIFT_SHARE * bend.size if abs(bend.size) < SUDDEN_PPB else 0.0
        clocks.filter.shift(PI_U, gained_ns, (0.01 * bend.size) ** 2 + (0.1 * gained_ns) ** 2)
        return self._take_widened(clocks, ticks, bend.size**2, drift_doubt**2, start)

    def _take_widened(
        self, clocks: Clocks, ticks: Ticks, rate_doubt: float, drift_doubt: float, start: int
    ) -> bool:
        """Take edges with rate and drift doubted by these variances, ppb^2 and (ppb/s)^2, from ``start`` on."""
        clocks.filter.shift(PI_V, 0.0, rate_doubt)
        clocks.filter.shift(PI_D, 0.0, drift_doubt)
        _, _, seen = self._look(clocks, ticks)
        if seen is None:
            return False
        self._absorb(clocks, ticks, seen, start)
        return True

    def _bend(self, times: Floats, residuals: Floats, seen: Seen | None) -> Bend:
        """What happened in a second that surprises; its outliers are left out when they hide it."""
        variance = self.reader.edge_variance
        bend = find_bend(times, residuals, variance)
        if self._explains(bend) or seen is None or not seen.dropped:
            return bend
        good = seen.prepared.block.times_s
        return find_bend(good, seen.residuals, variance)

    def _explains(self, bend: Bend) -> bool:
        return bend.rest <= EXPLAINED * self.reader.edge_variance

    def _take_beside_step(self, clocks: Clocks, ticks: Ticks, bend: Bend) -> bool:
        """Take the longer part of a second whose phase stepped. Before an early step nothing is used, and the
        phase starts anew; behind a late one nothing is used, and the next second starts with the step."""
        cut = bend.first
        self.rejected += min(cut, ticks.size - cut)
        if cut * 2 > ticks.size:
            ticks = ticks[:cut]
        else:
            ticks = ticks[cut:]
            self._steps.append(clocks.epoch)
            mean = float(clocks.filter.mean[PI_U])
            doubt_ns = min(abs(bend.size), LARGEST_DOUBT_NS)
            if doubt_ns == LARGEST_DOUBT_NS:  # how many periods went by is not known: edges are numbered anew
                self.restarts, self.blocks = self.restarts + 1, 0
            clocks.filter.forget(PI_U, max(doubt_ns**2, self.reader.edge_variance), mean + bend.size)
        _, _, seen = self._look(clocks, ticks)
        if seen is None or not self._take_unexplained(clocks, ticks, seen):
            return False
        self.sight = None  # a step is no noise to learn from
        return True

    def _absorb(self, clocks: Clocks, ticks: Ticks, seen: Seen, turned_at: int | None = None) -> None:
        """Update the filter, and keep what the noise levels are learned from. ``turned_at``: where it bends."""
        start = clocks.epoch if turned_at is None else turned_at
        before_ppb = float(clocks.filter.mean[PI_V])
        self.rejected += seen.dropped
        self._observe(clocks, seen)
        clocks.filter.update_block(seen.prepared, seen.moments, seen.noise, seen.precision)
        clocks.epoch = self.last_good = int(ticks[seen.last])
        clocks.move_anchor(self.comb, PI_U, clocks.epoch)
        change_ppb = float(clocks.filter.mean[PI_V]) - before_ppb
        if turned_at is not None or abs(change_ppb) > NOTABLE_PPB:
            self.turn = Turn(start, change_ppb, turned_at is not None)
        self.blocks += 1
        self._bad_seconds = 0

    def _observe(self, clocks: Clocks, seen: Seen) -> None:
        """Keep what the noise levels are learned from."""
        residuals, moments, full = seen.residuals, seen.moments, self.reader.full
        if residuals.size * 5 < full * 4:
            return
        if residuals.size == full and self.blocks % SCATTER_EVERY == 0 and full > 2 * GROUPS:
            rest = residuals - (moments * residuals.size).dot(seen.prepared.weights)
            size = full // GROUPS
            groups = rest[: GROUPS * size].reshape(GROUPS, size).mean(axis=1)
            degrees = GROUPS - moments.size
            self.scatter = (
                float(rest.dot(rest)) / (residuals.size - moments.size),
                float(groups.dot(groups)) * size / degrees,
            )
        self.sight = Sight(
            clocks.epoch,
            self.comb.anchor,
            self.comb.teeth,
            float(moments[0]),
            float(seen.noise[0, 0]) - seen.prepared.process_mean_variance,
            *clocks.filter.mean[PI_U : PI_D + 1].tolist(),
        )
