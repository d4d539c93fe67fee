"""What chrony made of it: compensation against its own correction, and the clock's offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError, UsageError
from ...pi.chrony.logs import Tracking
from .data import PlotData, thinned
from .style import COLOURS, draw_curve, figure, legend, symmetric_ns, time_axis

__all__ = ["offsets", "tempcomp"]

Floats = npt.NDArray[np.float64]

PERCENTILES = (1, 25, 50, 75, 99)
LEAST_IN_BIN = 20


def tempcomp(data: PlotData) -> Any:
    """The written value (from tempcomp.log, else a replay) and chrony's own correction (tracking.log)."""
    lines: list[tuple[str, str, Floats, Floats]] = []
    if data.tempcomp is not None:
        lines.append(("tempcomp (read by chrony)", COLOURS["other"], data.tempcomp.utc_s, data.tempcomp.ppm))
    elif data.rows is not None and not np.all(np.isnan(data.rows.published_ppm)):
        published = np.array(data.rows.published_ppm)
        lines.append(("tempcomp (as published)", COLOURS["other"], np.array(data.rows.utc_s), published))
    if data.tracking is not None:
        lines.append(
            ("chrony's own correction", COLOURS["RTC"], data.tracking.utc_s, data.tracking.correction_ppm)
        )
    if not lines:
        raise DataError(
            "tempcomp: nothing was published in the capture, and no --tempcomp or --tracking is given"
        )
    made, (axes,) = figure(f"tempcomp and chrony's own correction{data.title}")
    for label, colour, utc_s, ppm in lines:
        figures = f"{np.nanmean(ppm):+.4f} ± {np.nanstd(ppm):.4f} ppm"
        draw_curve(axes, thinned(utc_s, ppm), colour, f"{label}: {figures}")
    axes.set_ylabel("frequency correction, ppm (+ makes the clock faster)")
    time_axis(axes, np.concatenate([utc_s for *_, utc_s, _ in lines]), data.local_time)
    legend(axes)
    return made


def offsets(data: PlotData) -> Any:
    """Percentiles of the clock's offset in equal spans of time; a second panel for --without."""
    if data.tracking is None:
        raise UsageError("offsets: chrony's offsets are in its tracking.log: give it with --tracking FILE")
    logs = [("with compensation" if data.without else "clock offset", data.tracking)]
    if data.without is not None:
        logs.append(("without compensation", data.without))
    heading = f"Clock offset, percentiles{data.title}"
    made, panels = figure(heading, len(logs), height=1.4 + 3.0 * len(logs), share_x=False)
    factor, unit = symmetric_ns(np.concatenate([log.offset_s for _, log in logs]))
    for axes, (name, log) in zip(panels, logs, strict=True):
        _percentile_bands(axes, log, factor, unit, name)
        time_axis(axes, log.utc_s, data.local_time)
        legend(axes)
    low = min(axes.get_ylim()[0] for axes in panels)
    high = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(low, high)
    return made


def _percentile_bands(axes: Any, log: Tracking, factor: float, unit: str, name: str) -> None:
    utc_s, marks = _binned(log)
    times = (utc_s * 1e3).astype("datetime64[ms]")
    values = marks * factor
    axes.fill_between(times, values[:, 0], values[:, 4], color=COLOURS["TCXO"], alpha=0.15, label="1 to 99 %")
    axes.fill_between(times, values[:, 1], values[:, 3], color=COLOURS["TCXO"], alpha=0.4, label="25 to 75 %")
    axes.plot(times, values[:, 2], color=COLOURS["TCXO"], linewidth=1.4, label="median")
    axes.axhline(0, color="#888888", linewidth=0.7)
    axes.set_ylabel(f"{name}, {unit}")


def _binned(log: Tracking) -> tuple[Floats, Floats]:
    """Bin centres and percentiles; bins hold at least twenty measurements on average."""
    bins = int(np.clip(log.offset_s.size // LEAST_IN_BIN, 1, 96))
    edges = np.linspace(log.utc_s.min(), log.utc_s.max() + 1e-3, bins + 1)
    index = np.clip(np.searchsorted(edges, log.utc_s, "right") - 1, 0, bins - 1)
    marks = np.full((bins, len(PERCENTILES)), np.nan)
    for each in range(bins):
        chosen = log.offset_s[index == each]
        if chosen.size:
            marks[each] = np.percentile(chosen, PERCENTILES)
    centres = (edges[:-1] + edges[1:]) / 2
    if bins == 1:  # a single bin would be a line without length
        return np.array([edges[0], edges[-1]]), np.repeat(marks, 2, axis=0)
    return centres, marks
