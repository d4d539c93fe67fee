"""Where the PWM's edges lie on the raw clock, from brackets around single edges. Pure.

Set membership first: a bracket [lo, hi] holds its edge for certain, so the edges' common offset lies in the
intersection of all brackets, carried along at one rate. A wide bracket, from a read that came late, takes nothing
away, and no noise model is needed: this is what is *claimed*. It cannot become narrower than the least time from
clock reading to pin sample plus the least time from there to the next clock reading; half the difference of these
two is an error that nobody can see from here.

Within what is claimed, the mean of the narrow brackets' middles is what is *told*: the extremes rest on a few lucky
reads and, where the clock goes in coarse ticks, jump by one of them; the mean does not.

The rate is computed from the kernel's own rounding; the brackets say whether that can be. As long as it can it is
believed, otherwise the feasible rates are taken: the feasible (offset, rate) pairs are a polygon. Of the brackets in
the window only those on the convex hull of the lower, and of the upper, limits bound it: some ten of hundreds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Bracket", "EdgePhase", "EdgeTracker"]

RATE_LIMIT_PPB = 1.0
"""How far the edges' rate may be from the computed one: more than any rounding of the kernel's."""
MOST_POLL_NS = 1e9
WANDER_PPB = 0.02
"""How far beyond one steady rate it may stray: by this much a second old brackets are widened."""
WINDOW_S, BLOCK_S = 600.0, 60.0
KEPT_POLL = 0.8
"""The brackets' intersection is at least this share of the shortest poll wide, or else the edges moved."""
NARROW, USUAL, POLLS = 1.25, 31, 4
"""Brackets up to so many times as wide as the median of so many recent ones, and as so many polls, are averaged..."""
FIRST, AVERAGED = 8, 600
"""...after the first few, so many of them."""
JUMPED, RECENT = 3, 10
"""So many of so many brackets that contradict what is known are a jump: it begins anew."""

_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bracket:
    """The pin was low at some moment after ``lo_ns``, high at a later one before ``hi_ns`` (raw clock).

    ``poll_ns``: the shortest time that one poll took, from clock reading to clock reading.
    """

    lo_ns: int
    hi_ns: int
    poll_ns: int


@dataclass(frozen=True, slots=True)
class EdgePhase:
    """The comb of edges at one moment. Edge n lies at ``origin_ns`` + n periods + ``offset_ns``."""

    origin_ns: int
    period_ns: Fraction
    offset_ns: float
    half_width_ns: float
    """The edges lie within this of where they are said to be."""
    age_s: float
    """Since the latest narrow bracket that agreed: a wide one says little."""
    rate_ppb: float
    """By how much the edges come slower than computed."""
    generation: int
    """Changes when the edges are numbered anew."""
    in_doubt: bool
    """One of the latest brackets contradicts the others."""
    brackets: int
    """Taken since the edges were numbered."""

    def edge_before(self, raw_ns: int) -> tuple[int, float]:
        """Number of the edge before a moment, and the raw time since then, ns."""
        since = Fraction(raw_ns - self.origin_ns)
        number = int(since // self.period_ns)
        after_ns = float(since - number * self.period_ns) - self.offset_ns
        period_ns = float(self.period_ns)
        if after_ns < 0.0:
            return number - 1, after_ns + period_ns
        if after_ns >= period_ns:
            return number + 1, after_ns - period_ns
        return number, after_ns


class EdgeTracker:
    """The comb of edges with period ``period_ns`` on the raw clock, which goes in steps of ``tick_ns``."""

    def __init__(self, period_ns: Fraction, tick_ns: float = 1.0) -> None:
        self.period_ns = period_ns
        self.jumps = 0
        """How often the edges were found elsewhere."""
        self.strays = 0
        """Brackets that contradicted the others."""
        self._tick_ns = tick_ns
        self._generation = 0
        self._origin_ns: int | None = None
        self._last_ns: int | None = None
        self._start()

    def restart(self) -> None:
        """Forget all brackets: the edges may lie elsewhere now."""
        self._generation += 1
        self._start()

    def take(self, bracket: Bracket) -> None:
        """Take a bracket. Later ones have later times."""
        if self._last_ns is not None and bracket.lo_ns <= self._last_ns:
            return
        if self._origin_ns is None:
            self._origin_ns = (bracket.lo_ns + bracket.hi_ns) // 2
        if self._known(bracket):
            self._recent.append(True)
        else:
            self.deny()

    def deny(self) -> None:
        """An edge was not where it is said to be. If that goes on, all is forgotten."""
        self.strays += 1
        self._recent.append(False)
        if self._recent.count(False) >= JUMPED:
            self.jumps += 1
            self.restart()

    def at(self, raw_ns: int) -> EdgePhase | None:
        """What is known at a moment (not before the latest bracket); None before the first one."""
        if self._origin_ns is None or self._last_ns is None:
            return None
        now_s = self._seconds(raw_ns)
        polygon = _polygon(self._lows.hull(), self._highs.hull(), now_s, KEPT_POLL * self._poll_ns)
        if polygon is None:  # only when a clock runs backwards
            return None
        low, high, rate = polygon
        offset_ns = min(max(self._mean_at(now_s, rate, 0.5 * (low + high)), low), high)
        return EdgePhase(
            origin_ns=self._origin_ns,
            period_ns=self.period_ns,
            offset_ns=offset_ns,
            half_width_ns=max(high - offset_ns, offset_ns - low),
            age_s=(raw_ns - self._last_narrow_ns) * 1e-9,
            rate_ppb=rate,
            generation=self._generation,
            in_doubt=False in self._recent,
            brackets=self._taken,
        )

    def _start(self) -> None:
        self._origin_ns = self._last_ns = None
        self._last_narrow_ns = 0
        self._lows, self._highs = _Limits(1.0), _Limits(-1.0)
        self._poll_ns = MOST_POLL_NS
        self._widths: deque[int] = deque(maxlen=USUAL)
        self._middles: deque[_Point] = deque()
        self._sums = (0.0, 0.0)
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._taken = 0

    def _known(self, bracket: Bracket) -> bool:
        """Take a bracket that agrees with the ones before; False when it does not."""
        assert self._origin_ns is not None
        width_ns = bracket.hi_ns - bracket.lo_ns
        if width_ns * 2 >= self.period_ns:
            return True  # it tells nothing
        middle = Fraction(bracket.lo_ns + bracket.hi_ns - 2 * self._origin_ns, 2)
        place = self.at(bracket.hi_ns)
        tooth = round((middle - Fraction(place.offset_ns if place else 0.0)) / self.period_ns)
        low = float(bracket.lo_ns - self._origin_ns - tooth * self.period_ns)
        now_s = self._seconds(bracket.hi_ns)
        poll_ns = min(self._poll_ns, bracket.poll_ns)
        lower, upper = (now_s, low), (now_s, low + width_ns + self._tick_ns)
        if _polygon(self._lows.hull(lower), self._highs.hull(upper), now_s, KEPT_POLL * poll_ns) is None:
            return False
        self._lows.add(lower)
        self._highs.add(upper)
        self._poll_ns = poll_ns
        self._widths.append(width_ns)
        usual_ns = sorted(self._widths)[len(self._widths) // 2]
        most_ns = min(NARROW * usual_ns, POLLS * bracket.poll_ns) + self._tick_ns
        if len(self._widths) > FIRST and width_ns <= most_ns:
            self._average((now_s, low + 0.5 * (width_ns + self._tick_ns)))
        if width_ns <= POLLS * bracket.poll_ns + 2.0 * self._tick_ns or not self._taken:
            self._last_narrow_ns = bracket.hi_ns
        self._last_ns = bracket.hi_ns
        self._taken += 1
        return True

    def _average(self, middle: _Point) -> None:
        self._middles.append(middle)
        x, y = self._sums
        x, y = x + middle[0], y + middle[1]
        if len(self._middles) > AVERAGED:
            oldest = self._middles.popleft()
            x, y = x - oldest[0], y - oldest[1]
        self._sums = x, y

    def _mean_at(self, now_s: float, rate: float, otherwise: float) -> float:
        """The narrow brackets' mean middle brought to now at ``rate``; ``otherwise`` while there are none."""
        count = len(self._middles)
        if not count:
            return otherwise
        x, y = self._sums
        return (y + rate * (count * now_s - x)) / count

    def _seconds(self, raw_ns: int) -> float:
        assert self._origin_ns is not None
        return (raw_ns - self._origin_ns) * 1e-9


class _Limits:
    """Lower (``sign`` 1) or upper (-1) limits of the last ``WINDOW_S``: the convex hull of each block of seconds.

    Whole blocks are forgotten, so that a limit that goes uncovers no hole among those that it had hidden.
    """

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self._blocks: deque[list[_Point]] = deque()

    def add(self, new: _Point) -> None:
        if not self._blocks or new[0] - self._blocks[-1][0][0] > BLOCK_S:
            self._blocks.append([])
        self._extend(self._blocks[-1], new)
        while self._blocks[0][-1][0] < new[0] - WINDOW_S:
            self._blocks.popleft()

    def hull(self, new: _Point | None = None) -> list[_Point]:
        """Of all limits, and of a ``new`` one that is later than these."""
        points: list[_Point] = []
        for block in self._blocks:
            for each in block:
                self._extend(points, each)
        if new is not None:
            self._extend(points, new)
        return points

    def _extend(self, points: list[_Point], new: _Point) -> None:
        while len(points) >= 2:
            (x1, y1), (x2, y2) = points[-2], points[-1]
            if self._sign * ((y2 - y1) * (new[0] - x1) - (new[1] - y1) * (x2 - x1)) > 0.0:
                break
            points.pop()
        points.append(new)


def _polygon(
    lows: list[_Point], highs: list[_Point], now_s: float, least_ns: float
) -> tuple[float, float, float] | None:
    """Lowest and highest offset now (ns) and the rate (ppb) that fit all limits, or None if none does.

    ``least_ns``: so much room there must be between the lower and the upper limits at the right rate.
    """
    below = [(now_s - x, y - WANDER_PPB * (now_s - x)) for x, y in lows]
    above = [(now_s - x, y + WANDER_PPB * (now_s - x)) for x, y in highs]
    slowest, fastest = -RATE_LIMIT_PPB, RATE_LIMIT_PPB
    for age_a, a in above:
        for age_b, b in below:
            apart, need = age_a - age_b, least_ns + b - a
            if apart > 0.0:
                slowest = max(slowest, need / apart)
            elif apart < 0.0:
                fastest = min(fastest, need / apart)
            elif need > 0.0:
                return None
    if slowest > fastest:
        return None
    if slowest <= 0.0 <= fastest:
        slowest = fastest = 0.0
    # An edge at age t lay at offset - rate * t: the latest offset is bounded by each limit brought to now.
    low = max(y + slowest * age for age, y in below)
    high = min(y + fastest * age for age, y in above)
    return low, high, 0.5 * (slowest + fastest)
