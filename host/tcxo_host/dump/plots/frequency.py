"""Frequency and time error of the clocks over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.session_columns import Session
from ...errors import DataError
from ..analyse.series import CLOCK_OF_ROLE, Series, against, frequency_ppm, session_series
from ..analyse.stats import WINDOW_S
from .data import PlotData, thinned
from .style import COLOURS, draw_curve, figure, legend, symmetric_ns, time_axis

__all__ = ["channels", "clock_frequency", "clock_phase", "phase"]

Floats = npt.NDArray[np.float64]

BAND_BINS = 250
"""So few that the extremes of each bin lie visibly apart from its mean."""


def channels(data: PlotData) -> Any:
    """Every clock's frequency error, averaged over 64 s as Dan Drown's article draws it; below, each on a scale of
    its own with its mean taken out."""
    assert data.capture is not None
    clocks: dict[str, tuple[list[Floats], list[Floats]]] = {}
    for session in data.capture.sessions:
        for clock, (utc_s, ppm) in clock_frequency(session).items():
            times, values = clocks.setdefault(clock, ([], []))
            # a gap between sessions, so that no line joins them
            times += [utc_s, utc_s[-1:] + 1.0]
            values += [ppm, np.array([np.nan])]
    if not clocks:
        raise DataError(f"channels: no channel has {WINDOW_S:g} s of edges")
    joined = {
        clock: (np.concatenate(times), np.concatenate(values)) for clock, (times, values) in clocks.items()
    }
    everything = np.concatenate([utc_s for utc_s, _ in joined.values()])
    heading = f"Frequency error of each clock, {WINDOW_S:g} s averages{data.title}"
    heights = [3.0, *[1.6] * len(joined)]
    made, (axes, *panels) = figure(heading, len(heights), height=1.0 + sum(heights), heights=heights)
    for panel, (clock, (utc_s, ppm)) in zip(panels, joined.items(), strict=True):
        mean, std = np.nanmean(ppm), np.nanstd(ppm)
        colour = COLOURS.get(clock, COLOURS["other"])
        draw_curve(axes, thinned(utc_s, ppm), colour, f"{clock}: {mean:+.3f} ± {std:.3f} ppm")
        label = f"{clock} less its mean of {mean:+.5f} ppm; std {std * 1e3:.3g} ppb"
        draw_curve(panel, thinned(utc_s, (ppm - mean) * 1e3, BAND_BINS), colour, label)
        panel.set_ylabel("ppb")
        legend(panel)
    axes.set_ylabel("ppm (+ is fast)")
    time_axis(panels[-1], everything, data.local_time)
    legend(axes)
    return made


def phase(data: PlotData) -> Any:
    """Each clock's time error with its mean rate taken out, a panel each: their scales differ."""
    assert data.capture is not None
    longest = max(data.capture.sessions, key=lambda each: each.status.tick.size, default=None)
    errors = clock_phase(longest) if longest else {}
    if not errors:
        raise DataError("phase: no channel has enough edges")
    made, panels = figure(
        f"Time error, mean rate taken out{data.title}", len(errors), height=1.2 + 1.9 * len(errors)
    )
    for axes, (clock, (utc_s, error_s)) in zip(panels, errors.items(), strict=True):
        factor, unit = symmetric_ns(error_s)
        colour = COLOURS.get(clock.split()[0], COLOURS["other"])
        draw_curve(axes, thinned(utc_s, error_s * factor), colour, clock)
        axes.set_ylabel(f"{unit} (+ is ahead)")
        legend(axes)
    time_axis(panels[-1], np.concatenate([utc_s for utc_s, _ in errors.values()]), data.local_time)
    return made


def clock_frequency(session: Session, window_s: float = WINDOW_S) -> dict[str, tuple[Floats, Floats]]:
    """``(utc_s, ppm)`` by clock, against GPS where there is GPS; NaN in gaps."""
    series = session_series(session)
    tcxo_tick, tcxo_ppm = np.empty(0), np.empty(0)
    result = {}
    for role in sorted(series, key=lambda each: each != Role.GPS_PPS.label):
        tick, ppm = frequency_ppm(series[role], window_s)
        if not np.any(~np.isnan(ppm)):
            continue
        if role == Role.GPS_PPS.label:
            known = ~np.isnan(ppm)
            tcxo_tick, tcxo_ppm = tick[known], ppm[known]
        else:
            ppm = against(ppm, np.interp(tick, tcxo_tick, tcxo_ppm) if tcxo_ppm.size else 0.0)
        result[CLOCK_OF_ROLE.get(role, role)] = (session.utc_of_tick(tick), ppm)
    return result


def clock_phase(session: Session) -> dict[str, tuple[Floats, Floats]]:
    """``(utc_s, error_s)`` by clock and reference, linear trend removed; NaN in gaps."""
    series = session_series(session)
    gps = series.get(Role.GPS_PPS.label)
    result = {}
    for role, each in series.items():
        # the counter's gain over a signal is what the signal is behind
        error_s = each.x_s if role == Role.GPS_PPS.label else -each.x_s
        if gps is not None and role != Role.GPS_PPS.label:
            error_s = error_s + _at(gps, each.tick)
        name = f"{CLOCK_OF_ROLE.get(role, role)} against {'GPS' if gps is not None else 'TCXO'}"
        error_s = np.where(each.segment == each.segment[0], error_s, np.nan)
        known = ~np.isnan(error_s)
        if np.count_nonzero(known) < 10:
            continue
        time_s = np.arange(error_s.size) * each.interval_s
        trend = np.polyfit(time_s[known], error_s[known], 1)
        result[name] = (session.utc_of_tick(each.tick), error_s - np.polyval(trend, time_s))
    return result


def _at(series: Series, tick: Floats) -> Floats:
    """The series' time error at other moments; NaN outside it and within its gaps."""
    known = ~np.isnan(series.x_s)
    if not known.any():
        return np.full(tick.size, np.nan)
    ticks = series.tick[known]
    values = np.interp(tick, ticks, series.x_s[known], left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(ticks, tick), 1, ticks.size - 1)
    ticks_per_second = float(np.median(np.diff(ticks))) / series.interval_s
    values[ticks[after] - ticks[after - 1] > 5 * ticks_per_second] = np.nan
    return np.asarray(values, np.float64)
