"""What chrony got from GPSP (``install --phase``) beside another reference clock, from refclocks.log."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError, UsageError
from ...pi.chrony.refclock_log import RefclockSeries
from .data import PlotData, thinned
from .style import COLOURS, draw_curve, figure, legend, symmetric_ns, time_axis

__all__ = ["difference", "gpsp"]

Floats = npt.NDArray[np.float64]

REFID = "GPSP"
_WIDEST_GAP_S = 5.0
"""Between two samples farther apart than this nothing is interpolated."""


def gpsp(data: PlotData) -> Any:
    """Each clock's samples, and below them the other clock against GPSP, freed of the system clock's own error."""
    if data.refclocks is None:
        raise UsageError("gpsp: what chrony got is in its refclocks.log: give it with --refclocks FILE")
    samples = data.refclocks.samples
    if REFID not in samples:
        there = ", ".join(sorted(samples)) or "none"
        raise DataError(f"gpsp: no sample of {REFID} in refclocks.log; reference clocks in it: {there}")
    other = _other(samples, data.against)
    made, panels = figure(
        f"GPS time as chrony got it{data.title}", 2 if other else 1, height=7.0 if other else 4.6
    )
    shown = {REFID: COLOURS["TCXO"], **({other: COLOURS["Pi"]} if other else {})}
    factor, unit = symmetric_ns(_typical(np.concatenate([samples[refid].offset_s for refid in shown])))
    for refid in reversed(shown):  # GPSP on top
        series = samples[refid]
        draw_curve(
            panels[0], thinned(series.utc_s, series.offset_s * factor), shown[refid],
            f"{refid}: {_figures(series.offset_s)}",
        )  # fmt: skip
    panels[0].set_ylabel(f"system clock slow of it, {unit}")
    if other:
        utc_s, apart_s = difference(samples[other], samples[REFID])
        if not utc_s.size:
            raise DataError(f"gpsp: {other} and {REFID} have no time in common in refclocks.log")
        factor, unit = symmetric_ns(_typical(apart_s))
        label = f"{other} against {REFID}: {_figures(apart_s)}"
        draw_curve(panels[1], thinned(utc_s, apart_s * factor), COLOURS["other"], label)
        panels[1].set_ylabel(f"{other} ahead of {REFID}, {unit} (negative: late)")
    for axes in panels:
        legend(axes)
    time_axis(panels[-1], np.concatenate([samples[refid].utc_s for refid in shown]), data.local_time)
    return made


def difference(clock: RefclockSeries, reference: RefclockSeries) -> tuple[Floats, Floats]:
    """``(utc_s, ahead_s)``: at each sample of ``clock`` how far its time is ahead of the reference's.

    The reference is interpolated; samples outside of it or within a gap of more than 5 s are left out. A pulse that
    an interrupt stamps late is behind (negative).
    """
    after = np.searchsorted(reference.utc_s, clock.utc_s)
    inside = (after > 0) & (after < reference.utc_s.size)
    inside[inside] = (reference.utc_s[after[inside]] - reference.utc_s[after[inside] - 1]) <= _WIDEST_GAP_S
    utc_s = clock.utc_s[inside]
    return utc_s, clock.offset_s[inside] - np.interp(utc_s, reference.utc_s, reference.offset_s)


def _other(samples: dict[str, RefclockSeries], asked: str) -> str:
    """The clock to compare with: the one asked for, else the pulse with the most samples; empty for none."""
    if asked:
        if asked not in samples or asked == REFID:
            there = ", ".join(sorted(samples.keys() - {REFID})) or "none"
            raise UsageError(f"gpsp: --against {asked}: other reference clocks in refclocks.log: {there}")
        return asked
    pulses = {
        refid: each.utc_s.size for refid, each in samples.items() if refid != REFID and each.pulse.any()
    }
    return max(sorted(pulses), key=lambda refid: pulses[refid], default="")


def _typical(values_s: Floats) -> Floats:
    """For the choice of a unit: without the few large ones of a start."""
    return np.percentile(np.abs(values_s), [95]) if values_s.size else values_s


def _figures(values_s: Floats) -> str:
    factor, unit = symmetric_ns(_typical(values_s))
    return f"{values_s.mean() * factor:+.2f} ± {values_s.std() * factor:.2f} {unit}"
