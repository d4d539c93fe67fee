"""Stability of the clocks: deviations over averaging times, and spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..analyse.clock_pairs import ClockPair, deviations_of, floor_of, longest_session_pairs
from ..analyse.deviations import CONFIDENCE, KINDS, Deviation
from .data import PlotData
from .style import COLOURS, figure, legend

__all__ = ["adev", "panels", "power_spectrum", "spectrum"]

Floats = npt.NDArray[np.float64]

_STYLES = {
    "TCXO against GPS": (COLOURS["TCXO"], "o"),
    "Pi against TCXO": (COLOURS["Pi"], "s"),
    "RTC against TCXO": (COLOURS["RTC"], "^"),
    "Pi against GPS": (COLOURS["GPS"], "D"),  # drawn dashed: over long times it lies on "Pi against TCXO"
    "AUX against TCXO": (COLOURS["other"], "v"),
}
_FURTHER = [(COLOURS["chrony"], "P"), (COLOURS["other"], "X"), ("#332288", "*"), ("#999933", "<")]
_UNITS_S = ("tdev", "mtie")
"""Kinds in seconds; the others are fractional frequencies."""


def adev(data: PlotData) -> Any:
    """Overlapping Allan deviation, octaves, with 68 % confidence by the noise type found."""
    assert data.capture is not None
    pairs = longest_session_pairs(data.capture, "adev")
    return panels(pairs, deviations_of(pairs, ["adev"], CONFIDENCE), data.title)


def panels(
    pairs: Mapping[str, ClockPair],
    found: Mapping[str, Mapping[str, Deviation]],
    title: str = "",
    confidence: float = CONFIDENCE,
) -> Any:
    """A panel for each kind, with all pairs, their intervals and the floor of the counter."""
    kinds: Sequence[str] = list(next(iter(found.values())))
    names = KINDS[kinds[0]][0].upper() + KINDS[kinds[0]][1:] if len(kinds) == 1 else "Stability"
    heading = f"{names.split(',')[0]}, {confidence * 100:.0f} % intervals{title}"
    made, axes_of = figure(heading, len(kinds), height=1.2 + (4.0 if len(kinds) == 1 else 3.2 * len(kinds)))
    for axes, kind in zip(axes_of, kinds, strict=True):
        further = iter(_FURTHER * len(pairs))
        for name, pair in pairs.items():
            style = _STYLES.get(name) or next(further)
            _curve(axes, pair, found[name][kind], style)
        _floor(axes, pairs, found, kind)
        axes.set_xscale("log")
        axes.set_yscale("log")
        unit, of = ("ns", KINDS[kind].split(",")[0]) if kind in _UNITS_S else ("fractional", KINDS[kind])
        axes.set_ylabel(f"{of.split(' (')[0].removeprefix('overlapping ')}, {unit}")
        axes.grid(True, which="minor", color="#efefef", linewidth=0.5)
        legend(axes)
    axes_of[-1].set_xlabel(r"averaging time $\tau$, s")
    return made


def _curve(axes: Any, pair: ClockPair, found: Deviation, style: tuple[str, str]) -> None:
    colour, marker = style
    scale = 1e9 if found.kind in _UNITS_S else 1.0
    bars = None
    if not np.isnan(found.low).all():
        bars = scale * np.array(
            [np.maximum(found.value - found.low, 0), np.maximum(found.high - found.value, 0)]
        )
    axes.errorbar(
        found.tau_s, scale * found.value, yerr=bars, color=colour, marker=marker, markersize=4,
        linewidth=1.2, elinewidth=1, capsize=2.5, label=pair.name, linestyle=_line(pair.name),
    )  # fmt: skip


def _floor(
    axes: Any, pairs: Mapping[str, ClockPair], found: Mapping[str, Mapping[str, Deviation]], kind: str
) -> None:
    """One line, of the pairs with a single edge to each difference."""
    for name, pair in pairs.items():
        each = found[name][kind]
        level = floor_of(pair, each)
        if level is None or pair.tick_s is None or pair.edges != 1:
            continue
        scale = 1e9 if kind in _UNITS_S else 1.0
        label = f"floor of the counter ({pair.tick_s * 1e9:.3g} ns)"
        # errorbar, as the curves are, so that the legend names it last
        axes.errorbar(each.tau_s, scale * level, color="#888888", linestyle=":", linewidth=1.2, label=label)
        return


def spectrum(data: PlotData) -> Any:
    """Power spectral density of the fractional frequency (Welch), averaged in logarithmic bins."""
    assert data.capture is not None
    made, (axes,) = figure(f"Spectrum of fractional frequency{data.title}", height=5.0)
    for name, pair in longest_session_pairs(data.capture, "spectrum").items():
        freq_hz, density = power_spectrum(np.diff(pair.x_s) / pair.interval_s, pair.interval_s)
        axes.loglog(
            freq_hz, density, color=_STYLES[name][0], linestyle=_line(name), linewidth=1.2, label=name
        )
    axes.set_xlabel("Fourier frequency, Hz")
    axes.set_ylabel("$S_y(f)$, 1/Hz")
    axes.grid(True, which="minor", color="#efefef", linewidth=0.5)
    legend(axes)
    return made


def power_spectrum(y: Floats, interval_s: float) -> tuple[Floats, Floats]:
    """One-sided density of ``y`` in 1/Hz: Hann windows of an eighth of the data, half overlapping; means of
    up to 30 logarithmic bins a decade. P. Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967."""
    length = max(8, min(1 << 14, y.size // 8))
    window = np.hanning(length)
    starts = range(0, y.size - length + 1, length // 2)
    power = np.zeros(length // 2 + 1)
    for start in starts:
        part = y[start : start + length]
        power += np.abs(np.fft.rfft((part - part.mean()) * window)) ** 2
    power *= 2.0 * interval_s / (len(starts) * np.sum(window**2))
    freq_hz = np.fft.rfftfreq(length, interval_s)
    freq_hz, power = freq_hz[2:], power[2:]  # the window leaks the mean into the first bins
    index = np.floor(30 * np.log10(freq_hz / freq_hz[0]) + 1e-9).astype(np.int64)
    counts = np.bincount(index)
    used = counts > 0
    return (
        np.bincount(index, freq_hz)[used] / counts[used],
        np.bincount(index, power)[used] / counts[used],
    )


def _line(name: str) -> str:
    return "--" if name == "Pi against GPS" else "-"
