"""A witness against a GPS receiver that is wrong: the system clock, where chrony keeps it by other sources. Pure.

chrony's own frequency and the file together say how fast the crystal runs: error = frequency - file. GPS and board
say the same in another way. Where chrony follows the same pulses the two always agree, and nothing is learned.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ClockWitness"]

LIMIT_PPM = 0.3
"""NTP over a network keeps a frequency to about 0.1 ppm; a crystal of its own is off by more than this."""
SKEWS = 3.0
"""A clock whose bound is wider is a worse witness."""
CONTRADICTS_S = 600.0
AGREES_S = 60.0
LONGEST_GAP_S = 60.0
"""After a longer silence a contradiction is counted anew."""
SILENT_S = 3600.0
"""A witness that has said nothing for so long is none any more, and its doubt ends."""


class ClockWitness:
    """Says whether GPS is to be doubted, from second to second."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._agreeing_since_s: float | None = None
        self._compared_s = float("-inf")
        self._doubted = False

    def doubt(
        self, error_ppm: float | None, clock_errors_ppm: Sequence[float], skew_ppm: float, now_s: float
    ) -> str:
        """Why ``error_ppm`` (by GPS) may not be used, or an empty text.

        ``clock_errors_ppm``: what the crystal's error may be by the system clock, + when it runs fast, known to
        ``skew_ppm``; several where it is not known whether chrony reads the file; empty while the clock is not
        synchronised. A silent witness raises no doubt, and ends one only after ``SILENT_S``.
        """
        if error_ppm is not None and clock_errors_ppm:
            apart_ppm = min(abs(error_ppm - each) for each in clock_errors_ppm)
            self._compare(apart_ppm > max(LIMIT_PPM, SKEWS * skew_ppm), now_s)
        elif now_s - self._compared_s > SILENT_S:
            self._doubted = False
        if not self._doubted:
            return ""
        return f"GPS contradicts the system clock, which other sources keep, by over {LIMIT_PPM:g} ppm"

    def _compare(self, apart: bool, now_s: float) -> None:
        if now_s - self._compared_s > LONGEST_GAP_S:
            self._since_s = self._agreeing_since_s = None
        self._compared_s = now_s
        if apart:
            self._agreeing_since_s = None
            if self._since_s is None:
                self._since_s = now_s
            self._doubted = self._doubted or now_s - self._since_s >= CONTRADICTS_S
            return
        self._since_s = None
        if self._agreeing_since_s is None:
            self._agreeing_since_s = now_s
        self._doubted = self._doubted and now_s - self._agreeing_since_s < AGREES_S
