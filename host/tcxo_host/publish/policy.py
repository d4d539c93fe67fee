"""Whether an estimate may reach chrony, and as what number. Pure.

chrony takes a wrong number at its word and moves the clock (its tempcomp has no filter and no age
limit), so every doubt ends in "leave the last value alone".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..estimate.interface import Estimate, State

__all__ = ["CHRONY_LIMIT_PPM", "Decision", "PublishPolicy"]

CHRONY_LIMIT_PPM = 10.0
"""chrony (tempcomp.c, MAX_COMP) rejects anything beyond."""

CONFIRM_SECONDS = 5
"""Consecutive seconds that must agree on a step before it is published."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``published_ppm``: what to write (minus the clock's error, as chrony wants it), None to write nothing."""

    published_ppm: float | None
    state: State
    reason: str


class PublishPolicy:
    """Turns estimates into decisions; remembers only what it last let through."""

    def __init__(self, max_step_ppm: float = 1.0, limit_ppm: float = CHRONY_LIMIT_PPM) -> None:
        self._max_step_ppm = max_step_ppm
        self._limit_ppm = limit_ppm
        self._last_ppm: float | None = None
        self._candidate_ppm = 0.0
        self._agreeing = 0

    def decide(self, estimate: Estimate, baseline_ppm: float = 0.0) -> Decision:
        """What to do with this second's estimate.

        A value beyond ``limit_ppm`` is held, never clipped. A step of more than ``max_step_ppm``
        against the last published value is held until ``CONFIRM_SECONDS`` consecutive estimates agree:
        no crystal jumps like that, a broken measurement does.
        """
        error_ppm = estimate.freq_error_ppm
        if not estimate.usable or error_ppm is None:
            self._agreeing = 0
            return Decision(None, estimate.state, estimate.reason)
        # six decimals are what is written; "-0.000000" would be a value too, but an odd one to read
        value_ppm = round(baseline_ppm - error_ppm, 6) + 0.0
        if not math.isfinite(value_ppm):
            self._agreeing = 0
            return Decision(None, State.HOLD, "the estimate is not a number")
        if abs(value_ppm) > self._limit_ppm:
            self._agreeing = 0
            reason = f"out of range: {value_ppm:+.3f} ppm, chrony takes at most ±{self._limit_ppm:g}"
            return Decision(None, State.HOLD, reason)
        if not self._plausible(value_ppm):
            step_ppm = value_ppm - (self._last_ppm or 0.0)
            return Decision(None, State.HOLD, f"a step of {step_ppm:+.3f} ppm waits for confirmation")
        self._last_ppm = value_ppm
        return Decision(value_ppm, estimate.state, estimate.reason)

    def _plausible(self, value_ppm: float) -> bool:
        if self._last_ppm is None or abs(value_ppm - self._last_ppm) <= self._max_step_ppm:
            self._agreeing = 0
            return True
        near = self._agreeing > 0 and abs(value_ppm - self._candidate_ppm) <= self._max_step_ppm
        self._agreeing = self._agreeing + 1 if near else 1
        self._candidate_ppm = value_ppm
        if self._agreeing < CONFIRM_SECONDS:
            return False
        self._agreeing = 0
        return True
