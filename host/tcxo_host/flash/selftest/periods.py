"""One channel's periods during a signal that is exact to the tick: which are, and what the others are. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .recording import Capture

__all__ = ["Periods", "examine"]

_WRAP = 1 << 32
_MOSTLY = 0.8
_SAME_CLOCK_TICKS = 2  # a steady signal of another clock comes out within that of its mean period


@dataclass(frozen=True, slots=True)
class Periods:
    """Counts over one run of a signal.

    ``count``: intervals between received edges; ``exact``: those of a whole number of periods, as the edges' numbers
    say. ``lost``: edges that nobody counted; ``doubled``: edges too many. ``wraps_added``, ``wraps_missed``: intervals
    2**32 ticks too long or short. ``sampled``: edges one tick to and fro; ``displaced``: others beside their place;
    ``slips``: times the counter was afterwards off by less than a period. ``clock_ppm``: by how much a steady signal's
    periods are too long, where it is another clock's. ``is_foreign``: not the test's signal at all.
    """

    count: int = 0
    exact: int = 0
    lost: int = 0
    doubled: int = 0
    wraps_added: int = 0
    wraps_missed: int = 0
    sampled: int = 0
    displaced: int = 0
    slips: int = 0
    clock_ppm: float | None = None
    is_foreign: bool = False

    def __add__(self, other: Periods) -> Periods:
        clocks = [each.clock_ppm for each in (self, other) if each.clock_ppm is not None]
        return Periods(
            count=self.count + other.count,
            exact=self.exact + other.exact,
            lost=self.lost + other.lost,
            doubled=self.doubled + other.doubled,
            wraps_added=self.wraps_added + other.wraps_added,
            wraps_missed=self.wraps_missed + other.wraps_missed,
            sampled=self.sampled + other.sampled,
            displaced=self.displaced + other.displaced,
            slips=self.slips + other.slips,
            clock_ppm=max(clocks, key=abs) if clocks else None,
            is_foreign=self.is_foreign or other.is_foreign,
        )


def examine(capture: Capture, period_ticks: int) -> Periods:
    """Compare the edges' ticks with a signal of ``period_ticks``, wherever it began."""
    if len(capture.ticks) < 2:
        return Periods()
    steps = np.diff(capture.numbers)
    errors = np.diff(capture.ticks) - steps * period_ticks
    wraps = np.rint(errors / _WRAP).astype(np.int64)
    errors -= wraps * _WRAP
    counts = Periods(
        count=len(errors),
        exact=int(np.sum((errors == 0) & (wraps == 0))),
        wraps_added=int(np.sum(wraps > 0)),
        wraps_missed=int(np.sum(wraps < 0)),
    )
    if np.max(np.abs(errors)) <= 1:
        # To and fro is the input's sampling; what adds up is another clock.
        drift = np.cumsum(errors)
        if np.max(drift) - np.min(drift) > 1:
            return dataclasses.replace(
                counts, clock_ppm=1e6 * float(drift[-1] / (np.sum(steps) * period_ticks))
            )
        return dataclasses.replace(counts, sampled=int(np.sum(errors != 0)))
    if np.sum(errors == 0) < _MOSTLY * len(errors):
        each = errors / np.maximum(steps, 1)
        steady = np.abs(each - np.median(each)) <= _SAME_CLOCK_TICKS
        if np.mean(steady) < _MOSTLY:
            return dataclasses.replace(counts, is_foreign=True)
        return dataclasses.replace(counts, clock_ppm=1e6 * float(np.mean(each[steady])) / period_ticks)
    return counts + _runs(errors, period_ticks)


def _runs(errors: npt.NDArray[np.int64], period_ticks: int) -> Periods:
    """Runs of wrong intervals by what they come to: an edge too many takes a period away, a missing one adds it."""
    lost = doubled = sampled = displaced = slips = 0
    wrong = np.flatnonzero(errors)
    for run in np.split(wrong, np.flatnonzero(np.diff(wrong) > 1) + 1):
        total = int(np.sum(errors[run]))
        largest = int(np.max(np.abs(errors[run]), initial=0))
        whole, rest = divmod(total, period_ticks)
        if largest == 1 and abs(total) <= 1:
            sampled += 1
        elif rest:
            slips += 1
        elif whole > 0:
            lost += whole
        elif whole < 0:
            doubled -= whole
        elif largest:
            displaced += 1
    return Periods(lost=lost, doubled=doubled, sampled=sampled, displaced=displaced, slips=slips)
