"""Is the counter (the board's oscillator) still the steady ruler that the filter takes it for? Pure.

Everything is measured in the counter's ticks, so when the Pi's rate turns within a second it may have been the
counter's instead. Only the other clocks' pulses can tell, and until they have, the value that was right when
it was the counter is left alone. An oscillator that moves again and again as no TCXO does is not followed at
all: what is published then would be wrong by as much as it moves within a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .filter.clock_model import GPS_V
from .filter.clocks import Clocks
from .track.pwm import SUDDEN_PPB
from .track.sight import NOTABLE_PPB, Turn

__all__ = ["CounterWatch"]

UNCLEAR_PPB = 5.0
"""While GPS and RTC have not told better than this, or the share of the change below, whether a turn of the Pi's
rate was the counter's, nothing is published."""
UNCLEAR_SHARE = 0.05
SMALL_PPB = 12.0
"""A smaller turn is not waited for: the value is off by no more than that, whoever it was."""
CALM_S = 60.0
"""So long after the counter moved as no TCXO does nothing is published; twice as long each time it does again..."""
LONGEST_CALM_S = 1920.0
"""...up to this..."""
FORGIVE_S = 3600.0
"""...and half as long for each hour that it did not."""
SUSPECT_S = 10.0
"""A counter to which the pulses gave most of a turn is doubted for so long whenever the Pi's rate turns, and so is
one that is not calm."""


class CounterWatch:
    """What the last seconds tell of the counter."""

    def __init__(self) -> None:
        self._turned_ppb = 0.0
        self._calm_s = CALM_S
        self._moved_at: float | None = None
        self._blamed_at = -math.inf

    def begin(self) -> None:
        """Ticks start anew; what was learned of the board stays."""
        self._turned_ppb = 0.0
        self._moved_at = None
        self._blamed_at = -math.inf

    def doubts(self, turn: Turn, witnessed: Callable[[], bool], now_s: float) -> bool:
        """Whether a turn of the Pi's rate may be the counter's doing. ``witnessed``: do pulses arrive that tell?"""
        change_ppb = abs(turn.change_ppb)
        restless = self._calm_s > CALM_S or now_s - self._blamed_at < SUSPECT_S
        if not turn.surprising and not restless:
            return False
        if not witnessed() and not (turn.surprising and change_ppb > SUDDEN_PPB):
            return False
        if change_ppb > SMALL_PPB:
            self._turned_ppb = max(self._turned_ppb, change_ppb)
        return True

    def told(self, turn: Turn, moved_ppb: float, now_s: float) -> None:
        """The pulses moved the counter's own rate by ``moved_ppb`` in the second of a doubted turn."""
        if abs(turn.change_ppb) > NOTABLE_PPB and moved_ppb / turn.change_ppb > 0.5:
            self._blamed_at = now_s

    def look(self, now_s: float, moved: bool) -> None:
        """A second has passed; ``moved``: pulses told that the counter moved as no TCXO does."""
        calm_s = math.inf if self._moved_at is None else now_s - self._moved_at
        if moved:
            if self._calm_s < calm_s < math.inf:
                self._calm_s = min(2.0 * self._calm_s, LONGEST_CALM_S)
            self._moved_at = now_s
        elif FORGIVE_S < calm_s < math.inf:
            self._calm_s = max(CALM_S, 0.5 * self._calm_s)
            self._moved_at = now_s - self._calm_s if self._calm_s > CALM_S else None

    def complaint(self, clocks: Clocks, now_s: float) -> str:
        """Why nothing may be published because of the counter; empty when it may."""
        if self._moved_at is not None and now_s - self._moved_at < self._calm_s:
            return "this board's oscillator moves as no TCXO does"
        if self._turned_ppb:
            sigma_ppb = math.sqrt(clocks.filter.cov[GPS_V, GPS_V])
            if sigma_ppb > max(UNCLEAR_PPB, UNCLEAR_SHARE * self._turned_ppb):
                return "the Pi's clock or the board's has jumped: a second tells which"
            self._turned_ppb = 0.0
        return ""
