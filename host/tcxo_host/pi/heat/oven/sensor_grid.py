"""The steps of a temperature sensor, found from what it tells: a set-point on an edge between two steps is seen best.

Half-way between two readings the comparison itself changes sign, so that a loop around it moves by millikelvins; in
the middle of a step it would see nothing until the temperature has crossed half of it. Pure.
"""

from __future__ import annotations

import itertools
import statistics

__all__ = ["SensorGrid"]

_MOST = 400
_LEAST_K = 0.01


class SensorGrid:
    """Collects readings; knows the step once three neighbouring ones were seen."""

    def __init__(self) -> None:
        self._seen: set[float] = set()
        self.step_k: float | None = None
        self._edge: tuple[float, float] | None = None

    def add(self, reading_c: float) -> None:
        """Another reading."""
        if reading_c in self._seen or len(self._seen) >= _MOST:
            return
        self._seen.add(reading_c)
        self._edge = None
        places = sorted(self._seen)
        gaps = [b - a for a, b in itertools.pairwise(places) if b - a >= _LEAST_K]
        if len(gaps) >= 2:
            smallest = min(gaps)
            # a driver rounds to millidegrees: equal steps differ by that
            self.step_k = statistics.fmean(gap for gap in gaps if gap < smallest + 2.5e-3)

    def edge_near(self, celsius: float) -> float:
        """The edge between two steps that is nearest; ``celsius`` itself while the steps are not known."""
        if self.step_k is None:
            return celsius
        if self._edge is None or self._edge[0] != celsius:
            anchor = min(self._seen, key=lambda reading: abs(reading - celsius))
            steps = round((celsius - anchor) / self.step_k - 0.5) + 0.5
            self._edge = celsius, anchor + steps * self.step_k
        return self._edge[1]
