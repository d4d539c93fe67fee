"""Pairs of clocks whose time differences show their stability, from captures and from chrony's logs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.columns import Capture
from ...capture.session_columns import Session
from ...errors import DataError
from ...pi.chrony.logs import Tracking
from .deviations import LEAST_POINTS, Deviation, deviation, floor, gapless
from .series import Series, session_series
from .two_sources import Source, clock_against

__all__ = ["ClockPair", "deviations_of", "floor_of", "log_pairs", "longest_session_pairs", "session_pairs"]

Floats = npt.NDArray[np.float64]

_NAMES = {
    Role.GPS_PPS.label: "TCXO against GPS",
    Role.HOST_PWM.label: "Pi against TCXO",
    Role.RTC_PPS.label: "RTC against TCXO",
}
_ORDER = ("TCXO against GPS", "Pi against TCXO", "RTC against TCXO", "Pi against GPS", "AUX against TCXO")


@dataclass(frozen=True, slots=True)
class ClockPair:
    """``x_s``: time differences every ``interval_s``, without a gap. ``tick_s``: what the counter resolves, None
    where no counter was there; ``edges``: how many captured edges each difference is made of."""

    name: str
    x_s: Floats
    interval_s: float
    tick_s: float | None = None
    edges: int = 1


def session_pairs(session: Session) -> dict[str, ClockPair]:
    """By name, over the longest unbroken stretch; pairs with too few points are left out."""
    series = session_series(session)
    tick_s = 1.0 / session.tick_hz
    found = {}
    for role, each in series.items():
        name = _NAMES.get(role, "AUX against TCXO")
        found[name] = ClockPair(name, _longest_segment(each, each.x_s), each.interval_s, tick_s)
    gps, pwm = series.get(Role.GPS_PPS.label), series.get(Role.HOST_PWM.label)
    if gps is not None and pwm is not None and np.count_nonzero(~np.isnan(gps.x_s)) > 1:
        name = "Pi against GPS"
        against_gps = _nearest(gps, pwm.tick, session.tick_hz) - pwm.x_s
        found[name] = ClockPair(name, _longest_segment(pwm, against_gps), pwm.interval_s, tick_s, edges=2)
    return {name: found[name] for name in _ORDER if name in found and found[name].x_s.size >= LEAST_POINTS}


def longest_session_pairs(capture: Capture, what: str) -> dict[str, ClockPair]:
    """Of the board's longest run. Raises DataError, which begins with ``what``, where there is no pair."""
    longest = max(capture.sessions, key=lambda each: each.status.tick.size, default=None)
    pairs = session_pairs(longest) if longest else {}
    if not pairs:
        raise DataError(f"{what}: no channel has {LEAST_POINTS} s of edges without a gap")
    return pairs


def log_pairs(sources: Iterable[Source], tracking: Tracking | None) -> dict[str, ClockPair]:
    """The system clock, as chrony steers it, against each source, and as tracking.log tells its offset."""
    everything = list(sources)
    if tracking is not None:
        utc_s, once = np.unique(tracking.utc_s, return_index=True)
        everything.append(Source("tracking.log", utc_s, -tracking.offset_s[once]))
    found = {}
    for source in everything:
        if source.utc_s.size >= LEAST_POINTS:
            name = f"system clock against {source.name}"
            found[name] = ClockPair(name, gapless(clock_against(source)), source.interval_s)
    return {name: each for name, each in found.items() if each.x_s.size >= LEAST_POINTS}


def deviations_of(
    pairs: Mapping[str, ClockPair], kinds: Iterable[str], confidence: float
) -> dict[str, dict[str, Deviation]]:
    """By pair and kind."""
    return {
        name: {kind: deviation(kind, pair.x_s, pair.interval_s, confidence) for kind in kinds}
        for name, pair in pairs.items()
    }


def floor_of(pair: ClockPair, found: Deviation) -> Floats | None:
    """The counter's own part of a deviation; None where there was no counter."""
    if pair.tick_s is None:
        return None
    return floor(found.kind, found.tau_s, pair.interval_s, pair.tick_s, pair.edges)


def _nearest(gps: Series, tick: Floats, tick_hz: float) -> Floats:
    """GPS's time error at other moments: its nearest edge, moved there at the mean rate. A line between two
    edges would average their noise and flatter every short averaging time."""
    known = ~np.isnan(gps.x_s)
    ticks, x_s = gps.tick[known], gps.x_s[known]
    rate = (x_s[-1] - x_s[0]) / (ticks[-1] - ticks[0])
    after = np.clip(np.searchsorted(ticks, tick), 1, ticks.size - 1)
    index = np.where(tick - ticks[after - 1] < ticks[after] - tick, after - 1, after)
    distance = tick - ticks[index]
    return np.where(np.abs(distance) < 1.5 * gps.interval_s * tick_hz, x_s[index] + rate * distance, np.nan)


def _longest_segment(series: Series, x_s: Floats) -> Floats:
    """The longest stretch of one segment, short gaps bridged, its mean rate taken out: of clocks that run freely the
    rate is not what MTIE should show, and no other deviation sees it."""
    if x_s.size == 0:
        return x_s
    present = series.segment >= 0
    kinds, counts = np.unique(series.segment[present], return_counts=True)
    run_s = gapless(np.where(series.segment == kinds[int(np.argmax(counts))], x_s, np.nan))
    index = np.arange(run_s.size)
    return run_s - np.polyval(np.polyfit(index, run_s, 1), index) if run_s.size > 1 else run_s
