"""From the crystal's error to the number for chrony, second by second. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .. import tempcomp
from .baseline import Baseline

__all__ = ["Compensation", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``value_ppm``: what to write, None to write nothing, with ``reason``."""

    value_ppm: float | None
    baseline_ppm: float
    reason: str = ""


class Compensation:
    """Makes minus (error - baseline). A value that chrony would refuse is held, never clipped."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline

    def second(self, error_ppm: float | None, board_id: str) -> Outcome:
        """What to write for this second; ``error_ppm`` None: nothing."""
        if error_ppm is None:
            return Outcome(None, self._baseline.known_ppm(board_id))
        baseline_ppm = self._baseline.ppm(error_ppm, board_id)
        value_ppm = tempcomp.value_ppm(error_ppm, baseline_ppm)
        if not tempcomp.is_in_range(value_ppm):
            limit = f"chrony takes at most ±{tempcomp.LIMIT_PPM:g}"
            return Outcome(None, baseline_ppm, f"out of range: {value_ppm:+.3f} ppm, {limit}")
        return Outcome(value_ppm, baseline_ppm)
