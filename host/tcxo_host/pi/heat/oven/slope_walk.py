"""The outer loop: measures the slope where the oven stands, and steps the set-point towards the turnover. Pure.

The frequency itself is no controlled quantity: at the turnover its answer to heat vanishes and turns sign. So now and
then the set-point goes up by a little and back (there, up, there again: a steady drift of room and ageing cancels),
which gives the slope with its uncertainty; a slope that is certain moves the set-point by what the curve's bend says.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

__all__ = ["Slope", "SlopeWalk", "WalkValues"]


@dataclass(frozen=True, slots=True)
class Slope:
    """ppm per kelvin at ``celsius``, one standard deviation, and how far the set-point was moved for it."""

    celsius: float
    ppm_per_k: float
    sigma_ppm_per_k: float
    moved_k: float


@dataclass(frozen=True, slots=True)
class WalkValues:
    """``probe_k``: how far up; ``dwell_s``: at each place, the first half for settling; ``rest_s``: between probes."""

    probe_k: float = 1.0
    dwell_s: float = 3600.0
    rest_s: float = 6 * 3600.0
    certain_sigmas: float = 3.0
    most_k: float = 1.0
    damping: float = 0.7


@dataclass(slots=True)
class _Mean:
    """Of one dwell: blocks of a minute, whose scatter tells the mean's own."""

    blocks: list[float] = field(default_factory=list)
    _now: list[float] = field(default_factory=list)
    _minute: int = -1
    celsius: float = 0.0
    count: int = 0

    def add(self, t_s: float, celsius: float, ppm: float) -> None:
        if int(t_s // 60) != self._minute and self._now:
            self.blocks.append(math.fsum(self._now) / len(self._now))
            self._now = []
        self._minute = int(t_s // 60)
        self._now.append(ppm)
        self.count += 1
        self.celsius += (celsius - self.celsius) / self.count

    @property
    def ppm(self) -> float:
        return math.fsum(self.blocks) / len(self.blocks)

    def variance(self) -> float:
        """Of the mean; minutes next to each other are not independent: the blocks count a quarter."""
        mean = self.ppm
        scatter = math.fsum((each - mean) ** 2 for each in self.blocks) / max(1, len(self.blocks) - 1)
        return scatter / max(1.0, len(self.blocks) / 4.0)


class SlopeWalk:
    """``ppm_per_k2``: the curve's second derivative, by which a slope becomes a distance.

    ``low_c``, ``high_c``: the set-point stays between them.
    """

    def __init__(
        self,
        set_point_c: float,
        ppm_per_k2: float,
        low_c: float,
        high_c: float,
        values: WalkValues | None = None,
    ) -> None:
        self._values = values or WalkValues()
        self._bend = ppm_per_k2
        self._low_c, self._high_c = low_c, high_c
        self._base_c = min(max(set_point_c, low_c), high_c)
        self._begun_s: float | None = None
        self._means: list[_Mean] = [_Mean(), _Mean(), _Mean()]
        self.slopes: deque[Slope] = deque(maxlen=100)

    @property
    def base_c(self) -> float:
        """The set-point without probing."""
        return self._base_c

    def step(self, t_s: float, celsius: float, ppm: float | None, *, at_target: bool) -> float:
        """The set-point for now. ``at_target``: the inner loop holds what it was told; else the probe starts anew."""
        v = self._values
        if self._begun_s is None or not at_target:
            self._restart(t_s, v.dwell_s if self._begun_s is None else v.dwell_s / 2)
        since_s = t_s - (self._begun_s or t_s)
        if since_s < 0:
            return self._base_c
        place = int(since_s // v.dwell_s)
        if place >= 3:
            self._finish(t_s)
            return self._base_c
        if since_s - place * v.dwell_s >= v.dwell_s / 2 and ppm is not None:
            self._means[place].add(t_s, celsius, ppm)
        return self._base_c + (v.probe_k if place == 1 else 0.0)

    def _restart(self, t_s: float, wait_s: float) -> None:
        self._begun_s = t_s + wait_s
        self._means = [_Mean(), _Mean(), _Mean()]

    def _finish(self, t_s: float) -> None:
        v, (first, up, last) = self._values, self._means
        if all(len(each.blocks) >= 10 for each in self._means):
            span_k = up.celsius - (first.celsius + last.celsius) / 2
            if abs(span_k) > v.probe_k / 4:
                change = up.ppm - (first.ppm + last.ppm) / 2
                variance = up.variance() + (first.variance() + last.variance()) / 4
                # the bend itself makes the chord's slope that of the middle of the probe
                slope = change / span_k - self._bend * span_k / 2
                self._move(slope, math.sqrt(variance) / abs(span_k))
        self._restart(t_s, v.rest_s)

    def _move(self, slope: float, sigma: float) -> None:
        v, moved = self._values, 0.0
        if abs(slope) > v.certain_sigmas * sigma and self._bend:
            wanted = -v.damping * slope / self._bend
            wanted = min(max(wanted, -v.most_k), v.most_k)
            moved = min(max(self._base_c + wanted, self._low_c), self._high_c) - self._base_c
        self.slopes.append(Slope(self._base_c, slope, sigma, moved))
        self._base_c += moved
