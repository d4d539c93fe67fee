"""The part of the Pi's frequency error that is left to chrony, so that tempcomp stays within ±10 ppm. Pure.

What is published is minus (frequency error - baseline). chrony finds the constant rest by itself and keeps
it in its driftfile; but every change of the baseline is a step that no crystal made, and moves the clock
until chrony has found it again. So a baseline is decided once and stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..estimate.interface import Estimate
from ..estimate.plausible import number, text

__all__ = ["AUTO_LIMIT_PPM", "LARGEST_PPM", "Baseline", "StoredBaseline", "parse_stored"]

AUTO_LIMIT_PPM = 5.0
"""Up to here ``auto`` publishes the whole error: half of chrony's range is left for the weather."""
LARGEST_PPM = 500.0
"""No crystal is further off."""


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A baseline and what it holds for: the measuring board, and the kernel that drives the PWM."""

    ppm: float
    board_id: str
    kernel: str

    def values(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def parse_stored(values: Mapping[str, Any]) -> StoredBaseline:
    """What ``StoredBaseline.values`` gave. Raises ValueError when it is not sound."""
    ppm = number(values, "ppm", -LARGEST_PPM, LARGEST_PPM)
    return StoredBaseline(ppm, text(values, "board_id"), text(values, "kernel"))


class Baseline:
    """Decides the baseline: a fixed number, or ``auto`` (``setting`` None), which decides once.

    ``stored`` is an earlier decision; it holds for its board and kernel only, an empty one for any.
    """

    def __init__(
        self, setting: float | None = 0.0, stored: StoredBaseline | None = None, kernel: str = ""
    ) -> None:
        self._setting = setting
        self._stored = stored
        self._kernel = kernel

    @property
    def stored(self) -> StoredBaseline | None:
        """The decision to keep, if any was made."""
        return self._stored

    def ppm(self, estimate: Estimate, board_id: str) -> float:
        """The baseline to use with this estimate, ppm; the first usable estimate decides ``auto``."""
        if self._setting is not None:
            return self._setting
        if self._stored is None or not self._holds(self._stored, board_id):
            error_ppm = estimate.freq_error_ppm
            if not estimate.usable or error_ppm is None or not math.isfinite(error_ppm):
                return 0.0
            whole = 0.0 if abs(error_ppm) <= AUTO_LIMIT_PPM else float(round(error_ppm))
            self._stored = StoredBaseline(whole, board_id, self._kernel)
        return self._stored.ppm

    def _holds(self, stored: StoredBaseline, board_id: str) -> bool:
        return stored.board_id in ("", board_id) and stored.kernel in ("", self._kernel)
