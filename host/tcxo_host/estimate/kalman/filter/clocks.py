"""The joint filter with its moment on the counter, and the noise levels it runs at. Pure."""

from __future__ import annotations

import numpy as np

from ..witness import Witnesses
from .clock_model import GPS_U, GPS_V, RTC_U, RTC_V, SIZE, Levels
from .comb import Comb
from .joint_filter import JointFilter

__all__ = ["Clocks"]

COMMON_DOUBT = 0.5
"""How much of a change of the Pi's rate (as a variance) may have been the counter's."""


class Clocks:
    """The state of all clocks at the counter value ``epoch``; the trackers of the channels share it."""

    def __init__(self, tick_hz: float, epoch: int, levels: Levels) -> None:
        self.tick_hz = tick_hz
        self.epoch = epoch
        self.levels = levels
        self.filter = JointFilter()
        self.witnesses = Witnesses()
        self.heated_ppb = 0.0
        """What the temperature has done to all rates since the start, as far as that is known."""

    def advance(self, tick: int) -> None:
        """Predict up to ``tick``; an earlier one changes nothing."""
        if tick > self.epoch:
            self.filter.predict((tick - self.epoch) / self.tick_hz, self.levels)
            self.epoch = tick

    def seconds_after(self, tick: int) -> float:
        """How long ``tick`` lies after the epoch, nominal seconds."""
        return (tick - self.epoch) / self.tick_hz

    def doubt_counter(self, tick: int, change_ppb: float) -> None:
        """The Pi's rate changed at ``tick``: if the counter's did, all other clocks' changed with it."""
        doubt = np.zeros(SIZE)
        doubt[[GPS_V, RTC_V]] = change_ppb
        doubt[[GPS_U, RTC_U]] = change_ppb * -self.seconds_after(tick)
        self.filter.cov += COMMON_DOUBT * np.outer(doubt, doubt)

    def move_anchor(self, comb: Comb, u: int, tick: int) -> None:
        """Make the edge at ``tick`` the anchor of ``comb``, whose reading offset is at ``u``."""
        mean = self.filter.mean
        at_edge = mean.item(u) + mean.item(u + 1) * self.seconds_after(tick)
        mean[u] += comb.move(tick, at_edge)
