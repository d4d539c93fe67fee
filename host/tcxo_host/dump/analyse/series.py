"""From edges to time errors and frequencies on a one-second grid, gaps kept as gaps. Pure.

Signs: ``x_s`` is what the counter shows more than nominal since the first edge; so the counter is fast,
or the signal slow, when it grows. A clock's error against GPS is the counter's error taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.session_columns import ChannelEdges, Session
from ...errors import DataError

__all__ = [
    "CLOCK_OF_ROLE",
    "GATE",
    "Clean",
    "Series",
    "against",
    "clean_edges",
    "frequency_ppm",
    "series_of",
    "session_series",
]

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]

GATE = 500e-6
"""The article's gate: an interval further off than this is not an interval of the signal."""

CLOCK_OF_ROLE = {Role.GPS_PPS.label: "TCXO", Role.RTC_PPS.label: "RTC", Role.HOST_PWM.label: "Pi"}
"""The clock whose frequency a channel shows: GPS shows the counter's own."""

_QUANTISATION_TICKS = 2.0
_PATIENCE_EDGES = 5
LEAST_PERIOD_TICKS = 10.0
"""A counter cannot resolve the rate of a faster signal."""
_LONGEST_GAP = 600
_MOST_POINTS = 50_000_000
"""A year and a half of seconds."""


@dataclass(frozen=True, slots=True)
class Clean:
    """Edges that lie on the signal's grid. ``cycles`` counts periods since the first one; ``segment``
    grows where the count across a gap is a guess or the signal moved."""

    ticks: Ticks
    cycles: Ticks
    segment: npt.NDArray[np.int32]
    missed: int
    doubled: int
    outliers: int


def clean_edges(ticks: Ticks, period_ticks: float, gate: float = GATE) -> Clean:
    """Walk the edges; only places where two neighbours do not fit cost Python time.

    ``missed``: periods without an edge; ``doubled``: edges less than half a period after a good one;
    ``outliers``: other edges off the grid, and all edges of a signal that the counter cannot resolve.
    """
    if ticks.size == 0 or period_ticks < LEAST_PERIOD_TICKS:
        return Clean(ticks[:0], ticks[:0], np.empty(0, np.int32), 0, 0, int(ticks.size))
    steps = np.diff(ticks)
    bound = gate * period_ticks + _QUANTISATION_TICKS
    odd = np.flatnonzero(np.abs(steps - period_ticks) > bound) + 1
    if odd.size == 0:
        return Clean(ticks, np.arange(ticks.size), np.zeros(ticks.size, np.int32), 0, 0, 0)
    keep = np.ones(ticks.size, bool)
    jump = np.zeros(ticks.size, np.int64)  # cycles since the good edge before, where not 1
    breaks = np.zeros(ticks.size, bool)
    missed = doubled = outliers = 0
    index, last = 0, odd.size
    while index < last:
        at = int(odd[index])
        reference = at - 1
        bad: list[int] = []
        while True:
            step = int(ticks[at] - ticks[reference])
            cycles = round(step / period_ticks)
            slack = gate * step + _QUANTISATION_TICKS
            if cycles > 0 and abs(step - cycles * period_ticks) <= slack:
                breaks[at] = slack > period_ticks / 4
                break
            if len(bad) >= _PATIENCE_EDGES:
                # the signal itself has moved: go on from the first edge of the new grid
                at = bad[0]
                step = int(ticks[at] - ticks[reference])
                cycles, bad = max(1, round(step / period_ticks)), []
                breaks[at] = True
                break
            bad.append(at)
            at += 1
            if at >= ticks.size:
                cycles = 0
                break
        for each in bad:
            keep[each] = False
            if ticks[each] - ticks[reference] < period_ticks / 2:
                doubled += 1
            else:
                outliers += 1
        if at >= ticks.size:
            break
        jump[at] = cycles
        missed += cycles - 1
        index += 1
        while index < last and odd[index] <= at:
            index += 1
    good = ticks[keep]
    per_edge = np.where(jump[keep] > 0, jump[keep], 1)
    per_edge[0] = 0
    return Clean(
        good,
        np.cumsum(per_edge),
        np.cumsum(breaks[keep], dtype=np.int32),
        missed,
        doubled,
        outliers,
    )


@dataclass(frozen=True, slots=True)
class Series:
    """A signal's time error every ``interval_s``, NaN where no edge came.

    ``tick`` is the counter at each point (interpolated in gaps), ``segment`` as in ``Clean``. A gap of more
    than ten minutes across which the count is a guess takes ten minutes of points.
    """

    role: str
    interval_s: float
    tick: Floats
    x_s: Floats
    segment: npt.NDArray[np.int32]


def series_of(session: Session, channel: ChannelEdges, clean: Clean) -> Series:
    """One point a second (or a period, for slower signals)."""
    every = max(1, round(channel.rate_hz))
    interval_s = every / channel.rate_hz
    if clean.ticks.size == 0:
        empty = np.empty(0)
        return Series(channel.role, interval_s, empty, empty, np.empty(0, np.int32))
    on_grid = clean.cycles % every == 0
    index = clean.cycles[on_grid] // every
    ticks_per_point = session.tick_hz * interval_s
    since = clean.ticks[on_grid] - clean.ticks[0]
    time_error_s = (since - index * ticks_per_point) / session.tick_hz
    index = _shortened(index, clean.segment[on_grid])
    size = int(index[-1]) + 1 if index.size else 0
    if size > _MOST_POINTS:
        raise DataError(f"{channel.role}: {size} points of {interval_s:g} s are more than can be analysed")
    x_s = np.full(size, np.nan)
    x_s[index] = time_error_s
    segment = np.full(size, -1, np.int32)
    segment[index] = clean.segment[on_grid]
    tick = np.interp(np.arange(size), index, clean.ticks[on_grid].astype(np.float64))
    return Series(channel.role, interval_s, tick, x_s, segment)


def session_series(session: Session) -> dict[str, Series]:
    """The one-second grid of every channel with edges that the counter can resolve."""
    made = {
        role: series_of(session, channel, clean_edges(channel.ticks, session.tick_hz / channel.rate_hz))
        for role, channel in session.channels.items()
        if channel.ticks.size > 1 and channel.rate_hz > 0
    }
    return {role: series for role, series in made.items() if series.x_s.size}


def _shortened(index: Ticks, segment: npt.NDArray[np.int32]) -> Ticks:
    """Places on the grid, long gaps between segments shortened: arrays grow with the data, not with the time."""
    steps = np.diff(index)
    long = (steps > _LONGEST_GAP) & (np.diff(segment) != 0)
    if not long.any():
        return index
    steps[long] = _LONGEST_GAP
    return np.concatenate([index[:1], index[0] + np.cumsum(steps)])


def frequency_ppm(series: Series, window_s: float) -> tuple[Floats, Floats]:
    """``(tick, ppm)``: the counter's error against the signal over a window that ends at ``tick``.

    NaN where either end is missing or they lie in different segments.
    """
    span = max(1, round(window_s / series.interval_s))
    if series.x_s.size <= span:
        return np.empty(0), np.empty(0)
    ppm = (series.x_s[span:] - series.x_s[:-span]) / (span * series.interval_s) * 1e6
    ppm[series.segment[span:] != series.segment[:-span]] = np.nan
    return series.tick[span:], ppm


def against(counted_ppm: Floats, tcxo_ppm: Floats | float) -> Floats:
    """A signal's own error (+ = fast), ppm, from what the counter showed and the counter's own error.

    Exactly ``(1 + tcxo) / (1 + counted) - 1``, in place of a copy: a day of 50 Hz is 35 MB an array.
    """
    ratio = counted_ppm * -1e-6
    np.subtract(1.0, ratio, out=ratio)
    np.divide(1.0 + tcxo_ppm * 1e-6, ratio, out=ratio)
    ratio -= 1.0
    ratio *= 1e6
    return ratio
