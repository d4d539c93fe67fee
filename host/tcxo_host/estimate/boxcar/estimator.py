"""``boxcar64``: Dan Drown's method: 64 s averages of GPS and PWM against the counter. Pure.

Frequency is the endpoint difference over the window, per channel; the counter's own error cancels by
dividing the host's figure by GPS's (his "Frequency synchronization without phase in NTP").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from tcxo_protocol.spec import Role

from ...edges.second import Board, Second, Ticks
from ..interface import Estimate, State
from .period_gate import PeriodGate

__all__ = ["Boxcar64"]

WINDOW_S = 64
GATE = 500e-6
"""No crystal is off by more than this; Dan Drown's gate, here on every channel."""
KNOWN_GATE = 20e-6
"""The gate once a window tells what to expect: ten times what a crystal moves in a minute."""
KNOWN_AFTER_S = 8
GAP_S = 3
"""A channel silent for longer starts its window anew: what lies across the gap is not measured."""


class Boxcar64:
    """The estimator ``boxcar64``. It gives no sigma: an endpoint difference has none."""

    name = "boxcar64"

    def __init__(self) -> None:
        self._channels: dict[str, _Window] = {}
        self._tick_hz = 1.0
        self._rejected_before: dict[str, int] = {}
        self._tracked = False

    def restart(self, board: Board) -> None:
        """Empty all windows."""
        self._rejected_before = self._rejected()
        self._tick_hz = board.tick_hz
        self._channels = {
            role: _Window(board.tick_hz, rate) for role, rate in board.rate_hz.items() if rate > 0
        }

    def update(self, second: Second) -> Estimate:
        """Move the windows on and compare them."""
        for role, window in self._channels.items():
            window.take(second.ticks.get(role), second.tick_now)
        gps, pwm, rtc = (
            self._channels.get(role) for role in (Role.GPS_PPS.label, Role.HOST_PWM.label, Role.RTC_PPS.label)
        )
        tcxo = gps.error() if gps and gps.full() else None
        rejected = self._rejected()
        waiting = State.HOLD if self._tracked else State.ACQUIRE
        if tcxo is None:
            return Estimate(waiting, _waiting("GPS", gps), rejected=rejected)
        tcxo_ppm, rtc_ppm = tcxo * 1e6, _against(tcxo, rtc)
        host_ppm = _against(tcxo, pwm)
        if host_ppm is None:
            reason = _waiting("PWM", pwm)
            return Estimate(waiting, reason, tcxo_ppm=tcxo_ppm, rtc_ppm=rtc_ppm, rejected=rejected)
        self._tracked = True
        return Estimate(State.TRACK, "", host_ppm, tcxo_ppm=tcxo_ppm, rtc_ppm=rtc_ppm, rejected=rejected)

    def export_state(self) -> dict[str, Any]:
        """Nothing: a window across a restart would be a window across a gap."""
        return {}

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Nothing to take."""

    def _rejected(self) -> dict[str, int]:
        now = {role: window.gate.rejected for role, window in self._channels.items()}
        before = self._rejected_before
        return {role: now.get(role, 0) + before.get(role, 0) for role in {**before, **now}}


class _Window:
    """The good edges of one channel that closed each of the last 64 seconds."""

    def __init__(self, tick_hz: float, rate_hz: float) -> None:
        # A signal that stays away from its grid for a second (five edges for a PPS) has moved.
        self.gate = PeriodGate(tick_hz / rate_hz, GATE, patience=max(5, round(rate_hz)))
        self._tick_hz = tick_hz
        self._ends: deque[tuple[int, int]] = deque()
        self._restarts = 0

    def take(self, ticks: Ticks | None, tick_now: int) -> None:
        known = self.span_s() >= KNOWN_AFTER_S
        end = None
        if ticks is not None and ticks.size:
            end = self.gate.last_good(ticks, self.error() if known else None, KNOWN_GATE)
        if self.gate.restarts != self._restarts:
            self._restarts = self.gate.restarts
            self._ends.clear()
        if self._ends and (tick_now if end is None else end[0]) - self._ends[-1][0] > GAP_S * self._tick_hz:
            self._ends.clear()
        if end is not None:
            self._ends.append(end)
            while end[0] - self._ends[0][0] > (WINDOW_S + 0.5) * self._tick_hz:
                self._ends.popleft()
        elif not self._ends:
            self.gate.forget()

    def span_s(self) -> float:
        """Length of the window so far, nominal seconds."""
        return (self._ends[-1][0] - self._ends[0][0]) / self._tick_hz if self._ends else 0.0

    def full(self) -> bool:
        return self.span_s() >= WINDOW_S - 0.5

    def error(self) -> float | None:
        """Relative error of the counted interval: + when the counter is fast against this signal."""
        if len(self._ends) < 2:
            return None
        (first_tick, first_cycle), (last_tick, last_cycle) = self._ends[0], self._ends[-1]
        return (last_tick - first_tick) / ((last_cycle - first_cycle) * self.gate.period_ticks) - 1.0


def _against(tcxo: float, window: _Window | None) -> float | None:
    """The clock's error against GPS, ppm: more ticks a cycle than GPS shows means a slow clock."""
    counted = window.error() if window is not None and window.full() else None
    return None if counted is None else ((1.0 + tcxo) / (1.0 + counted) - 1.0) * 1e6


def _waiting(name: str, window: _Window | None) -> str:
    if window is None:
        return f"the board has no {name} channel"
    return f"{name}: {min(window.span_s(), WINDOW_S):.0f} of {WINDOW_S} s"
