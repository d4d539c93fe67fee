"""Stability of time differences over averaging times, with confidence intervals. Pure.

Formulas: W. J. Riley, "Handbook of Frequency Stability Analysis", NIST SP 1065, section 5. Degrees of freedom
after Greenhall and Riley (2003), noise type by lag-1 autocorrelation (Riley and Greenhall, 2004), both as
allantools computes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import missing_extra

__all__ = [
    "CONFIDENCE",
    "DEVIATIONS",
    "KINDS",
    "Deviation",
    "allantools_of",
    "deviation",
    "floor",
    "gapless",
    "longest_run",
    "noise_name",
    "summary_rows",
]

Floats = npt.NDArray[np.float64]

KINDS = {
    "adev": "overlapping Allan deviation",
    "mdev": "modified Allan deviation",
    "tdev": "time deviation, s",
    "hdev": "overlapping Hadamard deviation (blind to a constant drift)",
    "mtie": "maximum time interval error, s",
}
CONFIDENCE = 0.683
DEVIATIONS = ("adev", "mdev", "hdev", "tdev", "mtie")
"""In the order of tables."""
NOISE_NAMES = {2: "WPM", 1: "FPM", 0: "WFM", -1: "FFM", -2: "RWFM", -3: "FWFM"}
"""Riley's names: white and flicker of phase, white, flicker, random walk and flicker walk of frequency."""

LEAST_POINTS = 16
NOISE_ID_POINTS = 30
BRIDGED = 5
"""A gap of so many points is bridged by a line."""
_NO_NOISE_S = 1e-14
"""Rounding of the arithmetic, as in a capture without noise, in which there is no noise type to find."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One kind at octaves of averaging time. ``low`` and ``high`` are NaN for ``mtie``, which is the largest of
    ``windows`` values and has no interval that holds for every noise; ``alpha``: the noise type found."""

    kind: str
    tau_s: Floats
    value: Floats
    low: Floats
    high: Floats
    alpha: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64]


def allantools_of(what: str) -> Any:
    """The library. Raises UnavailableError, naming the extra, where it is not installed."""
    try:
        import allantools
    except ImportError:
        raise missing_extra(what, "allantools", "plot") from None
    return allantools


def deviation(kind: str, x_s: Floats, interval_s: float, confidence: float = CONFIDENCE) -> Deviation:
    """The deviation ``kind`` of time differences without a gap, at octaves up to a quarter of the data.

    Each interval holds the true value with probability ``confidence``, if the noise is of the type found.
    """
    factors = 2 ** np.arange(max(0, int(np.log2(x_s.size / 4))) + 1)
    if kind == "mtie":
        value, nothing = _mtie(x_s, factors), np.full(factors.size, np.nan)
        zeros = np.zeros(factors.size, np.int64)
        return Deviation(
            kind,
            (factors * interval_s).astype(np.float64),
            value,
            nothing,
            nothing,
            zeros,
            x_s.size - factors,
        )
    tools = allantools_of(kind)
    order = 3 if kind == "hdev" else 2
    modified = kind in ("mdev", "tdev")
    compute = {"adev": tools.oadev, "mdev": tools.mdev, "tdev": tools.tdev, "hdev": tools.ohdev}[kind]
    tau_s, value, *_ = compute(x_s, 1.0 / interval_s, data_type="phase", taus=factors * interval_s)
    factors = np.rint(tau_s / interval_s).astype(np.int64)
    low, high = np.empty(value.size), np.empty(value.size)
    alphas = np.zeros(value.size, np.int64)
    alpha = 0
    for index, (factor, each) in enumerate(zip(factors.tolist(), value.tolist(), strict=True)):
        # with fewer points the noise type is unknown: that of the octave before is used
        scale_s = each if kind == "tdev" else each * tau_s[index]
        if x_s.size // factor > NOISE_ID_POINTS and scale_s > _NO_NOISE_S:
            alpha = tools.autocorr_noise_id(x_s, factor, data_type="phase", dmax=order)[0]
        alphas[index] = alpha = min(2, max(-2 if order == 2 else -3, alpha))
        edf = _degrees_of_freedom(tools, alpha, order, factor, x_s.size, modified)
        low[index], high[index] = tools.confidence_interval(each, max(edf, 1.0), confidence)
    windows = x_s.size - (order if not modified else 3) * factors
    return Deviation(kind, tau_s, value, low, high, alphas, windows)


def floor(kind: str, tau_s: Floats, interval_s: float, tick_s: float, edges: float = 1.0) -> Floats:
    """What a counter with ticks of ``tick_s`` adds by itself: each time difference of ``edges`` captured edges is
    rounded, evenly distributed over a tick and independent from one to the next (white phase noise). That holds where
    the signal moves by a good part of a tick from one to the next; one that stays on a tick shows less at first."""
    sigma_s = tick_s * np.sqrt(edges / 12.0)
    factor = tau_s / interval_s
    of_kind: dict[str, Floats] = {
        "adev": np.sqrt(3.0) * sigma_s / tau_s,
        "mdev": np.sqrt(3.0 / factor) * sigma_s / tau_s,
        "tdev": sigma_s / np.sqrt(factor),
        "hdev": np.sqrt(10.0 / 3.0) * sigma_s / tau_s,
        "mtie": np.full(tau_s.size, tick_s * edges),
    }
    return of_kind[kind]


def noise_name(found: Deviation, index: int) -> str:
    """The noise type at one averaging time, ``-`` where there is none to tell."""
    return "-" if found.kind == "mtie" else NOISE_NAMES[int(found.alpha[index])]


def summary_rows(found: Mapping[str, Deviation], percent: float) -> list[Sequence[object]]:
    """All kinds in one table, a heading first, with the interval of ADEV."""
    adev = found["adev"]
    rows: list[Sequence[object]] = [
        ("tau s", "ADEV", f"{percent:.0f} % from", "to", "MDEV", "HDEV", "TDEV ns", "MTIE ns", "type")
    ]
    for index, tau_s in enumerate(adev.tau_s.tolist()):
        values = (adev.value, adev.low, adev.high, found["mdev"].value, found["hdev"].value)
        times = (found[kind].value[index] * 1e9 for kind in ("tdev", "mtie"))
        rows.append(
            (
                f"{tau_s:g}",
                *(f"{each[index]:.2e}" for each in values),
                *(f"{each:.3g}" if each < 1e3 else f"{each:.0f}" for each in times),
                noise_name(adev, index),
            )
        )
    return rows


def gapless(x_s: Floats) -> Floats:
    """The longest stretch in which no more than ``BRIDGED`` points are missing at a time, those by a line."""
    run = x_s[longest_run(x_s, BRIDGED)]
    known = ~np.isnan(run)
    index = np.arange(run.size)
    return np.interp(index, index[known], run[known]) if known.any() else run


def longest_run(values: Floats, bridge: int = BRIDGED) -> slice:
    """The longest stretch without a gap of more than ``bridge`` missing points."""
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        return slice(0, 0)
    cuts = np.flatnonzero(np.diff(known) > bridge + 1)
    starts = np.concatenate([[0], cuts + 1])
    ends = np.concatenate([cuts, [known.size - 1]])
    best = int(np.argmax(known[ends] - known[starts]))
    return slice(int(known[starts[best]]), int(known[ends[best]]) + 1)


def _degrees_of_freedom(
    tools: Any, alpha: int, order: int, factor: int, points: int, modified: bool
) -> float:
    """As allantools, and the one case that it leaves out: white phase noise where few windows are left. There only
    windows a whole number of factors apart share points, so their correlations are ratios of binomials."""
    try:
        return float(tools.edf_greenhall(alpha, order, factor, points, overlapping=True, modified=modified))
    except NotImplementedError:
        windows = points - order * factor
        centre = comb(2 * order, order)
        shared = sum(
            (1 - each * factor / windows) * (comb(2 * order, order - each) / centre) ** 2
            for each in range(1, min(order, (windows - 1) // factor) + 1)
        )
        return windows / (1 + 2 * shared)


def _mtie(x_s: Floats, factors: npt.NDArray[np.int64]) -> Floats:
    """The largest range within windows of 1, 2, 4... intervals: two windows joined make one twice as long."""
    high = np.maximum(x_s[1:], x_s[:-1])
    low = np.minimum(x_s[1:], x_s[:-1])
    found = []
    for factor in factors.tolist():
        found.append(float(np.max(high - low)))
        if high.size > factor:
            high = np.maximum(high[factor:], high[:-factor])
            low = np.minimum(low[factor:], low[:-factor])
    return np.array(found)
