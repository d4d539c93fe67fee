"""The Pi as an oven: temperature, what burned, frequency before and after, and the slope."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...pi.heat.averages import Row, columns
from ...pi.heat.learn.curve import CurveFit
from ...pi.heat.learn.sweep import learned_curve
from .data import PlotData, thinned
from .style import COLOURS, draw_curve, figure, legend, time_axis

__all__ = ["heat", "part_std_ppm"]

Floats = npt.NDArray[np.float64]

_MODES = {"watch": ("left alone", "GPS"), "learn": ("swept", "RTC"), "hold": ("held", "Pi")}
_REACHED_K = 1.0


def heat(data: PlotData) -> Any:
    """All records together along one time axis; each mode has its colour."""
    rows = sorted(data.heat or [], key=lambda row: row.utc_s)
    if len(rows) < 2:
        raise DataError("heat: name the oven's records with --heat (/var/lib/tcxo-host-heat/hold.jsonl)")
    whole = columns(rows)
    fit = learned_curve([row for row in rows if row.mode == "learn"])
    with_slope = isinstance(fit, CurveFit) or not np.isnan(whole["slope_ppm_per_k"]).all()
    count = 4 if with_slope else 3
    made, panels = figure(f"The Pi as a crystal oven{data.title}", count, height=2.2 * count)
    _temperature(panels[0], whole)
    _cores(panels[1], whole)
    for mode, (told, colour) in _MODES.items():
        part = [row for row in rows if row.mode == mode]
        if part:
            std = part_std_ppm(part)
            label = told if math.isnan(std) else f"{told}: std {std:.4f} ppm"
            _draw(panels[2], columns(part), "ppm", COLOURS[colour], label)
    panels[2].set_ylabel("Pi, ppm (+ is fast)")
    if with_slope:
        _slope(panels[3], whole, fit if isinstance(fit, CurveFit) else None)
    for axes in panels:
        legend(axes)
    time_axis(panels[-1], whole["utc_s"], data.local_time)
    return made


def part_std_ppm(rows: list[Row]) -> float:
    """The frequency's standard deviation, ppm; of held rows only of those at their set-point. NaN for too few."""
    known = [
        row.ppm
        for row in rows
        if row.ppm is not None
        and (row.set_point_c is None or abs(row.celsius - row.set_point_c) < _REACHED_K)
    ]
    return float(np.std(known)) if len(known) > 1 else math.nan


def _temperature(axes: Any, whole: dict[str, Floats]) -> None:
    _draw(axes, whole, "celsius", COLOURS["Pi"], "CPU")
    if not np.isnan(whole["set_point_c"]).all():
        _draw(axes, whole, "set_point_c", COLOURS["TCXO"], "set-point")
    axes.set_ylabel("temperature, °C")


def _cores(axes: Any, whole: dict[str, Floats]) -> None:
    _draw(axes, whole, "work_cores", COLOURS["GPS"], "other programs")
    _draw(axes, whole, "burn_cores", COLOURS["Pi"], "burning")
    axes.set_ylabel("busy cores")


def _slope(axes: Any, whole: dict[str, Floats], fit: CurveFit | None) -> None:
    if fit is not None:
        slopes = np.array([fit.slope(each)[0] for each in whole["celsius"].tolist()])
        draw_curve(axes, thinned(whole["utc_s"], slopes), COLOURS["chrony"], "by the learned curve")
    if not np.isnan(whole["slope_ppm_per_k"]).all():
        _draw(axes, whole, "slope_ppm_per_k", COLOURS["other"], "measured at the set-point")
    axes.set_ylabel("slope, ppm/K")


def _draw(axes: Any, whole: dict[str, Floats], name: str, colour: str, label: str) -> None:
    draw_curve(axes, thinned(whole["utc_s"], whole[name]), colour, label)
