"""Whether an estimate is believed. Pure.

chrony applies a wrong number as it is and moves the clock (its tempcomp has no filter and no age
limit), so on every doubt the last value is left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..estimate.interface import Estimate, State

__all__ = ["LARGEST_PPM", "Decision", "PublishPolicy"]

LARGEST_PPM = 500.0
"""No crystal is further off, and no kernel corrects more (adjtimex(2))."""

CONFIRM_SECONDS = 5
"""Consecutive seconds that must agree on a step before it is believed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``error_ppm``: the crystal's error, + when it runs fast, None when nothing is believed."""

    error_ppm: float | None
    state: State
    reason: str


class PublishPolicy:
    """Turns estimates into decisions; remembers only what it last let through."""

    def __init__(self, max_step_ppm: float = 1.0) -> None:
        self._max_step_ppm = max_step_ppm
        self._last_ppm: float | None = None
        self._candidate_ppm = 0.0
        self._agreeing = 0

    def decide(self, estimate: Estimate) -> Decision:
        """What to believe of this second's estimate.

        A step of more than ``max_step_ppm`` against the last error that was let through is held until
        ``CONFIRM_SECONDS`` consecutive estimates agree, unless the estimate says that the edges themselves confirm
        it: broken measurements jump like that, crystals hardly ever.
        """
        error_ppm = estimate.freq_error_ppm
        if not estimate.usable or error_ppm is None:
            self._agreeing = 0
            return Decision(None, estimate.state, estimate.reason)
        if not math.isfinite(error_ppm):
            self._agreeing = 0
            return Decision(None, State.HOLD, "the estimate is not a number")
        if abs(error_ppm) > LARGEST_PPM:
            self._agreeing = 0
            return Decision(
                None, State.HOLD, f"{error_ppm:+.0f} ppm: no crystal is off by more than {LARGEST_PPM:g}"
            )
        if not self._is_plausible(error_ppm, estimate.confirmed):
            step_ppm = error_ppm - (self._last_ppm or 0.0)
            return Decision(None, State.HOLD, f"a step of {step_ppm:+.3f} ppm waits for confirmation")
        self._last_ppm = error_ppm
        return Decision(error_ppm, estimate.state, estimate.reason)

    def _is_plausible(self, error_ppm: float, confirmed: bool) -> bool:
        if confirmed or self._last_ppm is None or abs(error_ppm - self._last_ppm) <= self._max_step_ppm:
            self._agreeing = 0
            return True
        near = self._agreeing > 0 and abs(error_ppm - self._candidate_ppm) <= self._max_step_ppm
        self._agreeing = self._agreeing + 1 if near else 1
        self._candidate_ppm = error_ppm
        if self._agreeing < CONFIRM_SECONDS:
            return False
        self._agreeing = 0
        return True
