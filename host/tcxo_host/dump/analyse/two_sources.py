"""Two sources of time that a computer measured against its own clock, put side by side. Pure.

Sign: ``offset_s`` is the source's time less the computer's, as chrony's logs have it (+ where the computer is slow).
So the difference of two sources is how far the first is ahead of the second, whatever the computer's clock does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import DataError

__all__ = ["Difference", "Outage", "Source", "clock_against", "difference", "outages"]

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]

LEAST_SAMPLES = 16
MANY = 4
"""With so many samples of the faster source to one of the slower, their mean is taken."""
OUTLIER = 10.0
"""Robust standard deviations from the median within an hour's worth of neighbours."""
NEIGHBOURS = 64
SILENT_INTERVALS = 8
LEAST_SILENCE_S = 30.0
LEVEL_POINTS = 32
_LONGEST_GAP = 10
"""Intervals: a longer gap takes no more room than this, which no stretch bridges."""


@dataclass(frozen=True, slots=True)
class Source:
    """Samples in order of time, no two at the same moment."""

    name: str
    utc_s: Floats
    offset_s: Floats

    @property
    def interval_s(self) -> float:
        """From one sample to the next, as a rule."""
        return float(np.median(np.diff(self.utc_s))) if self.utc_s.size > 1 else float("nan")


@dataclass(frozen=True, slots=True)
class Difference:
    """``x_s``: the first source ahead of the second, at every sample of the slower one; NaN where there is none.

    ``index`` counts its intervals from the first sample on, gaps included; ``outliers`` were left out.
    """

    first: str
    second: str
    utc_s: Floats
    x_s: Floats
    index: Ticks
    interval_s: float
    outliers: int

    def on_grid(self) -> Floats:
        """``x_s`` at every interval, gaps as NaN."""
        return _on_grid(self.index, self.x_s)


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which ``ended`` was silent and ``other`` went on.

    ``clock_moved_s``: how far the computer's clock, steered without the ended source, moved against the other, at
    most and from its mean before. ``back_off_s`` (± ``back_sigma_s``): how far the ended source came back from where
    it was against the other; None where it did not come back.
    """

    ended: str
    other: str
    from_utc_s: float
    seconds: float
    clock_moved_s: float
    clock_std_before_s: float
    back_off_s: float | None
    back_sigma_s: float | None


def difference(first: Source, second: Source) -> Difference:
    """The first source less the second. Raises DataError where they have too few samples in common.

    At each sample of the slower one: the mean of the faster one around it, or, where that has about as few, a line
    between its two neighbours, so that what the computer's clock did meanwhile falls out.
    """
    for each in (first, second):
        if each.utc_s.size < LEAST_SAMPLES:
            raise DataError(f"{each.name}: {each.utc_s.size} samples are too few to compare")
    slower, faster, sign = (
        (first, second, 1.0) if first.interval_s >= second.interval_s else (second, first, -1.0)
    )
    step_s = slower.interval_s
    index = _intervals_since_first(slower)
    x_s = sign * (slower.offset_s - _at(faster, slower.utc_s, step_s))
    known = ~np.isnan(x_s)
    if np.count_nonzero(known) < LEAST_SAMPLES:
        raise DataError(
            f"{first.name} and {second.name} have {np.count_nonzero(known)} samples at the same time:"
            " too few to compare"
        )
    utc_s, x_s, index = slower.utc_s[known], x_s[known], index[known]
    usual = ~_outliers(x_s)
    return Difference(
        first.name,
        second.name,
        utc_s[usual],
        x_s[usual],
        index[usual] - index[usual][0],
        step_s,
        int(np.count_nonzero(~usual)),
    )


def outages(first: Source, second: Source, both: Difference) -> list[Outage]:
    """Every time that one of them was silent for eight of its intervals, and half a minute, while the other went on."""
    found = []
    for ended, other, sign in ((first, second, 1.0), (second, first, -1.0)):
        last_s = other.utc_s[-1]
        times = np.append(ended.utc_s, last_s) if last_s > ended.utc_s[-1] else ended.utc_s
        least_s = max(SILENT_INTERVALS * ended.interval_s, LEAST_SILENCE_S)
        for at in np.flatnonzero(np.diff(times) > least_s).tolist():
            start_s, end_s = float(times[at]), float(times[at + 1])
            inside = (other.utc_s > start_s) & (other.utc_s < end_s)
            before = np.flatnonzero(other.utc_s <= start_s)[-LEVEL_POINTS:]
            if np.count_nonzero(inside) < 2 or before.size < 2:
                continue
            level_s = float(np.mean(other.offset_s[before]))
            back = _back(both, start_s, end_s, sign) if at + 1 < ended.utc_s.size else (None, None)
            found.append(
                Outage(
                    ended.name,
                    other.name,
                    start_s,
                    end_s - start_s,
                    float(np.max(np.abs(other.offset_s[inside] - level_s))),
                    float(np.std(other.offset_s[before])),
                    *back,
                )
            )
    return sorted(found, key=lambda each: each.from_utc_s)


def clock_against(source: Source) -> Floats:
    """The computer's clock against the source (s, + is ahead) at every interval, gaps as NaN."""
    return _on_grid(_intervals_since_first(source), -source.offset_s)


def _intervals_since_first(source: Source) -> Ticks:
    """Counted from sample to sample, as a poll interval is never quite what it is meant to be."""
    steps = np.minimum(np.diff(source.utc_s) / source.interval_s, _LONGEST_GAP)
    return np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(steps)))]).astype(np.int64)


def _on_grid(index: Ticks, x_s: Floats) -> Floats:
    grid = np.full(int(index[-1]) + 1, np.nan)
    grid[index] = x_s
    return grid


def _back(
    both: Difference, start_s: float, end_s: float, sign: float
) -> tuple[float, float] | tuple[None, None]:
    """Level after an outage less that before it, and its standard deviation."""
    before = sign * both.x_s[both.utc_s <= start_s][-LEVEL_POINTS:]
    after = sign * both.x_s[both.utc_s >= end_s][:LEVEL_POINTS]
    if before.size < 4 or after.size < 4:
        return None, None
    variance = before.var(ddof=1) / before.size + after.var(ddof=1) / after.size
    return float(after.mean() - before.mean()), float(np.sqrt(variance))


def _at(source: Source, utc_s: Floats, step_s: float) -> Floats:
    """A source at other moments; NaN where it has no sample near."""
    if step_s >= MANY * source.interval_s:
        low = np.searchsorted(source.utc_s, utc_s - step_s / 2)
        high = np.searchsorted(source.utc_s, utc_s + step_s / 2)
        # sums of millions of offsets lose nothing that matters: their spread, not their size, is taken
        centre = float(np.median(source.offset_s))
        sums = np.concatenate([[0.0], np.cumsum(source.offset_s - centre)])
        counts = high - low
        return np.where(counts > 0, centre + (sums[high] - sums[low]) / np.maximum(counts, 1), np.nan)
    after = np.clip(np.searchsorted(source.utc_s, utc_s), 1, source.utc_s.size - 1)
    left, right = source.utc_s[after - 1], source.utc_s[after]
    near = (np.abs(utc_s - left) < 1.5 * step_s) & (np.abs(utc_s - right) < 1.5 * step_s)
    same = np.minimum(np.abs(utc_s - left), np.abs(utc_s - right)) < 1e-3 * step_s
    return np.where(near | same, np.interp(utc_s, source.utc_s, source.offset_s), np.nan)


def _outliers(x_s: Floats) -> npt.NDArray[np.bool_]:
    """Points far from the median of their neighbours, by the scatter of all about such medians."""
    size = min(NEIGHBOURS, x_s.size)
    blocks = np.arange(x_s.size) * max(1, x_s.size // size) // x_s.size
    centre = np.array([np.median(x_s[blocks == each]) for each in range(int(blocks[-1]) + 1)])
    off_s = np.abs(x_s - centre[blocks])
    scatter_s = 1.4826 * float(np.median(off_s))
    return np.asarray(off_s > max(OUTLIER * scatter_s, 1e-9))
