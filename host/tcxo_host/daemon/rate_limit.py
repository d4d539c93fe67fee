"""How often a line may be logged when a board makes too many. Pure: times come in as arguments."""

from __future__ import annotations

__all__ = ["RateLimit"]

BURST = 10
PER_S = 1.0


class RateLimit:
    """Lets ``BURST`` lines pass at once and ``PER_S`` a second in the long run; counts those it holds back."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._then_s = 0.0
        self._kept_back = 0

    def passes(self, now_s: float) -> bool:
        """Whether one more line may be logged at ``now_s`` (monotonic seconds)."""
        if self._may(now_s):
            self._left -= 1.0
            return True
        self._kept_back += 1
        return False

    def take_kept_back(self, now_s: float) -> int:
        """How many lines were held back, once a line may be logged again to say so; 0 until then."""
        if not self._kept_back or not self._may(now_s):
            return 0
        self._left -= 1.0
        count, self._kept_back = self._kept_back, 0
        return count

    def _may(self, now_s: float) -> bool:
        self._left = min(float(BURST), self._left + (now_s - self._then_s) * PER_S)
        self._then_s = now_s
        return self._left >= 1.0
