"""How all plots look: one palette, units on every axis, a legend outside the data, time axes."""

from __future__ import annotations

import importlib
import io
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import missing_extra
from .data import Curve

__all__ = [
    "COLOURS",
    "draw_curve",
    "figure",
    "legend",
    "save_bytes",
    "symmetric_ns",
    "time_axis",
    "without_heading",
]

Floats = npt.NDArray[np.float64]

# Okabe and Ito's colours, which colour-blind readers can tell apart
COLOURS = {
    "TCXO": "#0072B2",
    "Pi": "#D55E00",
    "RTC": "#009E73",
    "GPS": "#555555",
    "chrony": "#56B4E9",
    "other": "#CC79A7",
}
_GRID = "#d9d9d9"
_METADATA = {
    "svg": {"Date": None, "Creator": "tcxo-dump"},
    "png": {"Software": "tcxo-dump"},
    "pdf": {"CreationDate": None, "Creator": "tcxo-dump"},
}
_LEGEND_WIDTH = 110
EPOCH_KNOWN_S = 946_684_800
"""A time before 2000 means that the clock was not set: imported data without --start."""


def figure(
    title: str,
    rows: int = 1,
    *,
    height: float = 4.6,
    share_x: bool = True,
    heights: Sequence[float] | None = None,
) -> tuple[Any, list[Any]]:
    """A figure, labelled and headed with its title, and its axes from top to bottom, ``heights`` in proportion.

    Raises UnavailableError without matplotlib.
    """
    try:
        figures = importlib.import_module("matplotlib.figure")
        matplotlib = importlib.import_module("matplotlib")
    except ImportError:
        raise missing_extra("plots", "matplotlib", "plot") from None
    # text stays text in SVG, and the same data give the same file
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tcxo", "font.size": 9.5})
    made = figures.Figure(figsize=(9.6, height), dpi=110, layout="constrained")
    made.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    made.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
    made.set_label(title)
    axes = list(np.atleast_1d(made.subplots(rows, 1, sharex=share_x, height_ratios=heights)))
    for each in axes:
        each.grid(True, color=_GRID, linewidth=0.7)
        each.set_axisbelow(True)
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
    return made, axes


def draw_curve(axes: Any, curve: Curve, colour: str, label: str, *, utc: bool = True) -> None:
    """A line through the means and a pale band between the extremes."""
    x = _dates(curve.x) if utc else curve.x
    if not np.array_equal(curve.low, curve.high, equal_nan=True):
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(x, curve.mean, color=colour, linewidth=1.3, label=label)


def legend(axes: Any) -> None:
    """Above the data, never on it."""
    labels = axes.get_legend_handles_labels()[1]
    if labels:
        # characters and the marks before them, on the width of the figure
        columns = max(1, len(labels) * _LEGEND_WIDTH // sum(len(each) + 8 for each in labels))
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(labels), columns), frameon=False,
            borderaxespad=0.2,
        )  # fmt: skip


def time_axis(axes: Any, utc_s: Floats, local: bool) -> None:
    """Time of day along x, named with its zone; plain time since the start where no clock was set."""
    dates = importlib.import_module("matplotlib.dates")
    first, last = float(np.nanmin(utc_s)), float(np.nanmax(utc_s))
    zone = None
    if local:
        from datetime import datetime

        zone = datetime.now().astimezone().tzinfo
    locator = dates.AutoDateLocator(tz=zone, minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone, show_offset=False))
    name = time.strftime("%Z", time.localtime(first)) if local else "UTC"
    if first < EPOCH_KNOWN_S:
        axes.set_xlabel("time since the counter's start")
    else:
        moment = time.localtime(first) if local else time.gmtime(first)
        axes.set_xlabel(f"time ({name}), from {time.strftime('%Y-%m-%d', moment)}")
    margin = max(1.0, (last - first) * 0.01)
    axes.set_xlim(*_dates(np.array([first - margin, last + margin])))


def symmetric_ns(values: Floats) -> tuple[float, str]:
    """Factor from seconds and unit that make numbers of a readable size."""
    largest = float(np.nanmax(np.abs(values))) if np.any(~np.isnan(values)) else 0.0
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if largest * factor >= 2.0:
            return factor, unit
    return 1e9, "ns"


def save_bytes(made: Any, form: str) -> bytes:
    """The figure as ``png``, ``svg`` or ``pdf``; the same data give the same bytes."""
    buffer = io.BytesIO()
    made.savefig(buffer, format=form, metadata=_METADATA[form])
    return buffer.getvalue()


def without_heading(made: Any) -> Any:
    """The figure for a page that has the heading already."""
    made.suptitle("").set_in_layout(False)
    return made


def _dates(utc_s: Floats) -> npt.NDArray[np.datetime64]:
    return (utc_s * 1e3).astype("datetime64[ms]")
