"""The part of the Pi's frequency error that is left to chrony, so that tempcomp stays within ±10 ppm. Pure.

What is published is minus (frequency error - baseline). chrony finds the constant rest by itself and keeps
it in its driftfile; but every change of the baseline is a step that no crystal made, and moves the clock
until chrony has found it again. So a baseline is decided once and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..estimate.plausible import number, text
from .policy import LARGEST_PPM

__all__ = ["AUTO_LIMIT_PPM", "NOT_APPLIED_YET", "Baseline", "StoredBaseline", "parse_stored"]

NOT_APPLIED_YET = "set by hand, not applied yet"
"""The note of a baseline that the user set: the file goes to it at once, and it does not move."""
AUTO_LIMIT_PPM = 5.0
"""Up to here ``auto`` publishes the whole error: half of chrony's range is left for the weather."""


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A baseline and what it holds for: the measuring board, and the kernel that drives the PWM."""

    ppm: float
    board_id: str
    kernel: str
    note: str = ""
    """When it was moved last, why and by how much; empty: never."""

    def values(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def parse_stored(values: Mapping[str, Any]) -> StoredBaseline:
    """What ``StoredBaseline.values`` gave. Raises ValueError when it is not sound."""
    ppm = number(values, "ppm", -LARGEST_PPM, LARGEST_PPM)
    return StoredBaseline(
        ppm, text(values, "board_id"), text(values, "kernel"), text({"note": "", **values}, "note")
    )


class Baseline:
    """The baseline: a fixed number, or ``auto`` (``setting`` None), which is decided once and moved only after holds.

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

    @property
    def is_fixed(self) -> bool:
        """Whether the user gave a number."""
        return self._setting is not None

    def is_decided(self, board_id: str) -> bool:
        """Whether there is a baseline for this board."""
        return self.is_fixed or (self._stored is not None and self._holds(self._stored, board_id))

    def known_ppm(self, board_id: str) -> float:
        """The baseline for this board, ppm; 0 while it is not decided."""
        if self._setting is not None:
            return self._setting
        return self._stored.ppm if self._stored and self._holds(self._stored, board_id) else 0.0

    def ppm(self, error_ppm: float, board_id: str) -> float:
        """The baseline for this board, ppm; decided from the finite ``error_ppm`` where it is not yet."""
        if not self.is_decided(board_id):
            self.decide(0.0 if abs(error_ppm) <= AUTO_LIMIT_PPM else float(round(error_ppm)), board_id)
        return self.known_ppm(board_id)

    @property
    def is_to_be_applied(self) -> bool:
        """Whether the user set it, and no value was made with it yet."""
        return self._stored is not None and self._stored.note == NOT_APPLIED_YET

    def decide(self, ppm: float, board_id: str) -> None:
        """Take ``ppm`` for this board and kernel."""
        self._stored = StoredBaseline(ppm, board_id, self._kernel)

    def move(self, by_ppm: float, note: str = "") -> None:
        """Move a decided baseline, within ±``LARGEST_PPM``; a fixed one stays. ``note``: why, kept with it."""
        if self._setting is None and self._stored is not None and by_ppm:
            ppm = max(-LARGEST_PPM, min(LARGEST_PPM, self._stored.ppm + by_ppm))
            self._stored = replace(self._stored, ppm=ppm, note=note or self._stored.note)

    def applied(self) -> None:
        """A value was made with it."""
        if self._stored is not None and self.is_to_be_applied:
            self._stored = replace(self._stored, note="")

    def _holds(self, stored: StoredBaseline, board_id: str) -> bool:
        return stored.board_id in ("", board_id) and stored.kernel in ("", self._kernel)
