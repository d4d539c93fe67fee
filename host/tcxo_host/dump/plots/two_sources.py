"""Two references side by side: how far one is ahead of the other, and how stable that is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..analyse.compare import Comparison
from ..text import with_unit
from .data import thinned
from .style import COLOURS, draw_curve, figure, legend, symmetric_ns, time_axis

__all__ = ["pairs"]

_COLOURS = [COLOURS[name] for name in ("TCXO", "Pi", "RTC", "other", "chrony")]


def pairs(results: list[Comparison], local: bool = False) -> Any:
    """A panel with each difference over time, its bias and the outages in it, and one with TDEV and MTIE of all."""
    shown = results[: len(_COLOURS)]
    with_deviations = [each for each in shown if each.deviations]
    rows = len(shown) + bool(with_deviations)
    made, panels = figure("References against each other", rows, height=1.4 + 2.6 * rows, share_x=False)
    for axes, result, colour in zip(panels, shown, _COLOURS, strict=False):
        _difference(axes, result, colour)
        time_axis(axes, result.both.utc_s, local)
        legend(axes)
    if with_deviations:
        _deviations(panels[-1], with_deviations)
        legend(panels[-1])
    return made


def _difference(axes: Any, result: Comparison, colour: str) -> None:
    both, bias = result.both, result.bias
    factor, unit = symmetric_ns(both.x_s)
    grid_s = both.on_grid()
    utc_s = np.interp(np.arange(grid_s.size), both.index, both.utc_s)
    draw_curve(axes, thinned(utc_s, grid_s * factor), colour, f"{both.first} ahead of {both.second}")
    if bias is not None:
        level = (
            f"bias {with_unit(bias.bias_s, bias.bias_half_s)}{' (wanders)' if bias.wanders else ' (95 %)'}"
        )
        axes.axhline(bias.bias_s * factor, color="#333333", linewidth=1.0, linestyle="--", label=level)
        low, high = bias.bias_s - bias.bias_half_s, bias.bias_s + bias.bias_half_s
        axes.axhspan(low * factor, high * factor, color="#333333", alpha=0.15, linewidth=0)
    for number, each in enumerate(result.outages):
        ends = (np.array([each.from_utc_s, each.from_utc_s + each.seconds]) * 1e3).astype("datetime64[ms]")
        label = "one of them silent" if number == 0 else None
        axes.axvspan(*ends, color=COLOURS["other"], alpha=0.15, linewidth=0, label=label)
    axes.set_ylabel(f"difference, {unit}")


def _deviations(axes: Any, results: list[Comparison]) -> None:
    for result, colour in zip(results, _COLOURS, strict=False):
        pair = f"{result.both.first} against {result.both.second}"
        tdev, mtie = result.deviations["tdev"], result.deviations["mtie"]
        bars = [np.maximum(tdev.value - tdev.low, 0), np.maximum(tdev.high - tdev.value, 0)]
        axes.errorbar(
            tdev.tau_s, tdev.value * 1e9, yerr=np.array(bars) * 1e9, color=colour, marker="o", markersize=4,
            linewidth=1.2, elinewidth=1, capsize=2.5, label=f"TDEV, {pair}",
        )  # fmt: skip
        axes.plot(
            mtie.tau_s,
            mtie.value * 1e9,
            color=colour,
            linestyle=":",
            marker="^",
            markersize=3,
            label=f"MTIE, {pair}",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(r"averaging time or window $\tau$, s")
    axes.set_ylabel("TDEV (68 %), MTIE, ns")
    axes.grid(True, which="minor", color="#efefef", linewidth=0.5)
