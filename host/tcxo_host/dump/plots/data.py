"""What plots are drawn from: arrays of a capture, rows of a replay, chrony's logs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...capture.columns import Capture
from ...daemon.pipeline import Row
from ...pi.chrony.logs import Tempcomp, Tracking
from ...pi.chrony.refclock_log import RefclockLog
from ...pi.heat.averages import Row as HeatRow
from ..text import duration, utc

__all__ = ["Curve", "PlotData", "Rows", "periods_apart", "thinned"]

Floats = npt.NDArray[np.float64]

COVERED = 0.5
"""A log that covers less of the capture is told apart."""


@dataclass(slots=True)
class Rows:
    """A replay's rows as columns; NaN where a row has no value."""

    utc_s: list[float] = field(default_factory=list)
    published_ppm: list[float] = field(default_factory=list)
    freq_error_ppm: list[float] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)

    def add(self, utc_s: float, row: Row) -> None:
        """Append one second."""
        self.utc_s.append(utc_s)
        self.published_ppm.append(_number(row.published_ppm))
        self.freq_error_ppm.append(_number(row.estimate.freq_error_ppm))
        self.state.append(str(row.state))
        self.reason.append(row.reason)


@dataclass(slots=True)
class PlotData:
    """Everything a plot may use.

    ``against``: the reference clock to compare GPSP with, empty to let the plot choose. ``local_time``: axes in the
    machine's time zone instead of UTC.
    """

    capture: Capture | None = None
    rows: Rows | None = None
    tracking: Tracking | None = None
    tempcomp: Tempcomp | None = None
    without: Tracking | None = None
    refclocks: RefclockLog | None = None
    against: str = ""
    heat: list[HeatRow] | None = None
    local_time: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points thinned to what a screen shows: the mean of each bin, and its extremes."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats


def periods_apart(data: PlotData) -> list[str]:
    """What is to be said of chrony's logs that do not cover the capture: a sentence each."""
    capture = data.capture
    said: list[str] = []
    if capture is None or capture.first_utc_s is None or capture.last_utc_s is None:
        return said
    first_s, last_s = capture.first_utc_s, capture.last_utc_s
    for name, log in (("tracking.log", data.tracking), ("tempcomp.log", data.tempcomp)):
        if log is None:
            continue
        start_s, end_s = float(log.utc_s.min()), float(log.utc_s.max())
        shared_s = min(end_s, last_s) - max(start_s, first_s)
        share = max(0.0, shared_s) / max(last_s - first_s, 1.0)
        if share < COVERED:
            how_far = "do not meet" if shared_s <= 0 else f"share {duration(shared_s)} only"
            said.append(
                f"{name} is of {utc(start_s)} to {utc(end_s)}, the capture of {utc(first_s)} to {utc(last_s)}:"
                f" they {how_far}"
            )
    return said


def thinned(x: Floats, y: Floats, bins: int = 1200) -> Curve:
    """Bins of equal width in ``x``; an empty bin is NaN, so that a gap stays a gap."""
    known = ~np.isnan(y)
    # a recording host's clock may have been set back: the last point need not be the latest
    start, stop = (float(np.min(x)), float(np.max(x))) if x.size else (0.0, 0.0)
    if np.count_nonzero(known) <= bins or not start < stop < np.inf:
        return Curve(x, y, y, y)
    index = np.minimum(((x - start) / (stop - start) * bins).astype(np.int64), bins - 1)
    index, values = index[known], y[known]
    counts = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(index, values, bins) / counts
    low, high = np.full(bins, np.inf), np.full(bins, -np.inf)
    np.minimum.at(low, index, values)
    np.maximum.at(high, index, values)
    low[counts == 0] = high[counts == 0] = np.nan
    centres = start + (np.arange(bins) + 0.5) * (stop - start) / bins
    return Curve(centres, mean, low, high)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
