"""Stability of the clocks: Allan deviation and spectrum."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.session_columns import Session
from ...errors import DataError, missing_extra
from ..analyse.series import Series
from .data import PlotData, longest_run, session_series
from .style import COLOURS, figure, legend

__all__ = ["adev", "pair_phases", "power_spectrum", "spectrum"]

Floats = npt.NDArray[np.float64]

LEAST_POINTS = 16
NOISE_ID_POINTS = 30
_NO_NOISE = 1e-14
"""Seconds: rounding of the arithmetic, as in a capture without noise, in which there is no noise type to find."""
_STYLES = {
    "TCXO against GPS": (COLOURS["TCXO"], "o"),
    "Pi against TCXO": (COLOURS["Pi"], "s"),
    "RTC against TCXO": (COLOURS["RTC"], "^"),
    "Pi against GPS": (COLOURS["GPS"], "D"),  # drawn dashed: over long times it lies on "Pi against TCXO"
    "AUX against TCXO": (COLOURS["other"], "v"),
}


def adev(data: PlotData) -> Any:
    """Overlapping Allan deviation, octaves, with 68 % confidence by the noise type found."""
    tools = _allantools()
    made, (axes,) = figure(f"Overlapping Allan deviation{data.title}", height=5.2)
    for name, (x_s, interval_s) in _phases(data, "adev").items():
        colour, marker = _STYLES[name]
        taus_s, dev, low, high = overlapping_adev(tools, x_s, interval_s)
        axes.errorbar(
            taus_s, dev, yerr=[np.maximum(dev - low, 0), np.maximum(high - dev, 0)], color=colour,
            marker=marker, markersize=4, linewidth=1.2, elinewidth=1, capsize=2.5, label=name,
            linestyle=_line(name),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(r"averaging time $\tau$, s")
    axes.set_ylabel(r"Allan deviation $\sigma_y(\tau)$, fractional")
    axes.grid(True, which="minor", color="#efefef", linewidth=0.5)
    legend(axes)
    return made


def overlapping_adev(tools: Any, x_s: Floats, interval_s: float) -> tuple[Floats, Floats, Floats, Floats]:
    """``(tau_s, deviation, low, high)`` at octaves up to a quarter of the data.

    Degrees of freedom after Greenhall and Riley, noise type by lag-1 autocorrelation (both allantools).
    """
    octaves = 2 ** np.arange(int(np.log2(x_s.size / 4)) + 1)
    taus_s, dev, *_ = tools.oadev(x_s, 1.0 / interval_s, data_type="phase", taus=octaves * interval_s)
    low, high = np.empty(dev.size), np.empty(dev.size)
    alpha = 0
    for index, (tau_s, value) in enumerate(zip(taus_s, dev, strict=True)):
        factor = round(tau_s / interval_s)
        # with fewer points the noise type is unknown: that of the octave before is used
        if x_s.size // factor > NOISE_ID_POINTS and value > _NO_NOISE / tau_s:
            alpha = round(tools.autocorr_noise_id(x_s, factor, data_type="phase")[0])
        alpha = min(2, max(-2, alpha))
        edf = tools.edf_simple(x_s.size, factor, alpha)
        low[index], high[index] = tools.confidence_interval(value, max(edf, 1.0))
    return taus_s, dev, low, high


def spectrum(data: PlotData) -> Any:
    """Power spectral density of the fractional frequency (Welch), averaged in logarithmic bins."""
    made, (axes,) = figure(f"Spectrum of fractional frequency{data.title}", height=5.0)
    for name, (x_s, interval_s) in _phases(data, "spectrum").items():
        freq_hz, density = power_spectrum(np.diff(x_s) / interval_s, interval_s)
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


def pair_phases(session: Session) -> dict[str, tuple[Floats, float]]:
    """Time differences between clocks, ``(x_s, interval_s)`` by pair, over the longest unbroken stretch."""
    series = session_series(session)
    pairs: dict[str, tuple[Floats, float]] = {}
    names = {
        Role.GPS_PPS.label: "TCXO against GPS",
        Role.HOST_PWM.label: "Pi against TCXO",
        Role.RTC_PPS.label: "RTC against TCXO",
    }
    for role, each in series.items():
        pairs[names.get(role, "AUX against TCXO")] = (_gapless(each, each.x_s), each.interval_s)
    gps, pwm = series.get(Role.GPS_PPS.label), series.get(Role.HOST_PWM.label)
    if gps is not None and pwm is not None and np.count_nonzero(~np.isnan(gps.x_s)) > 1:
        against_gps = _nearest(gps, pwm.tick, session.tick_hz) - pwm.x_s
        pairs["Pi against GPS"] = (_gapless(pwm, against_gps), pwm.interval_s)
    return {name: pair for name, pair in pairs.items() if pair[0].size >= LEAST_POINTS}


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


def _gapless(series: Series, x_s: Floats) -> Floats:
    """The longest stretch of one segment, gaps of up to five points bridged by a line."""
    if x_s.size == 0:
        return x_s
    present = series.segment >= 0
    kinds, counts = np.unique(series.segment[present], return_counts=True)
    kept = np.where(series.segment == kinds[int(np.argmax(counts))], x_s, np.nan)
    run = kept[longest_run(kept)]
    known = ~np.isnan(run)
    index = np.arange(run.size)
    return np.interp(index, index[known], run[known]) if known.any() else run


def _phases(data: PlotData, kind: str) -> dict[str, tuple[Floats, float]]:
    assert data.capture is not None
    longest = max(data.capture.sessions, key=lambda each: each.status.tick.size, default=None)
    pairs = pair_phases(longest) if longest else {}
    if not pairs:
        raise DataError(f"{kind}: no channel has {LEAST_POINTS} s of edges without a gap")
    return {name: pairs[name] for name in _STYLES if name in pairs}


def _line(name: str) -> str:
    return "--" if name == "Pi against GPS" else "-"


def _allantools() -> Any:
    try:
        return importlib.import_module("allantools")
    except ImportError:
        raise missing_extra("adev", "allantools", "plot") from None
