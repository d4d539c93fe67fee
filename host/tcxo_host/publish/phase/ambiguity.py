"""Which of the PWM's edges on the raw clock is which of the board's. Pure.

Edges repeat every period (20 ms), so between the numbers that the tracker gives and those that the board gives
there is a whole number, ``shift``: found once by independent witnesses, then held. Both numberings live on the
crystals alone; a system clock that is stepped does not touch them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...estimate.gps_phase import GpsPhase
from ..clock_pair import ClockPair
from .tracker import EdgePhase

__all__ = ["Numbering", "Offset", "Witnesses", "offset_of", "wrapped"]

_NS = 1e9
CONFIRM_S = 5
"""So many seconds in a row must give the same shift."""
CONTRADICTED_S = 60
"""After so many seconds in a row of contradiction the shift is not believed any more."""
EARLY_NS = 1e6
"""A status record cannot come before it was made, but for what the phase may be wrong."""
SYSTEM_MARGIN_NS = 5e6
"""What a system clock may be off beyond the bound that the kernel gives for it."""
PPS_EARLY_NS, PPS_LATE_NS = 50e3, 500e3
"""The kernel stamps a pulse late, by its interrupt; never early, but for what the phase may be wrong."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What else is known at the moment of a ``ClockPair``; None where nothing is.

    ``system_bound_ns``: the system clock is within this of UTC, as the kernel tells (``maxerror`` of adjtimex(2)).
    ``pps_after_ns``: where in its second the system clock stood, 0 to 1e9, when the kernel stamped the latest
    pulse. ``arrival_ns``: the raw clock when the board's record of ``arrival_tick`` was read; ``arrival_most_ns``:
    the longest that the quickest record can have been under way.
    """

    system_bound_ns: float | None = None
    pps_after_ns: float | None = None
    arrival_tick: int = 0
    arrival_ns: int = 0
    arrival_most_ns: float | None = None


@dataclass(frozen=True, slots=True)
class Offset:
    """GPS time minus REALTIME, ns, within half a second; ``elapsed_ns``: the Pi's time since the phase's tick."""

    ns: float
    elapsed_ns: float
    late_ns: float
    """How long the board's record was under way."""


def wrapped(ns: float) -> float:
    """``ns`` less whole seconds: from -5e8 to 5e8."""
    return (ns + 0.5 * _NS) % _NS - 0.5 * _NS


def offset_of(phase: GpsPhase, edges: EdgePhase, shift: int, pair: ClockPair, witnesses: Witnesses) -> Offset:
    """GPS against the system clock at ``pair``, when the tracker's edge n is the board's edge n - ``shift``."""
    elapsed_ns = _pi_ns(phase, edges, pair.raw_ns) - shift * phase.pi_period_ns
    on_arrival_ns = _pi_ns(phase, edges, witnesses.arrival_ns) - shift * phase.pi_period_ns
    late_ns = on_arrival_ns - phase.pi_elapsed_ns(witnesses.arrival_tick)
    offset_ns = wrapped(phase.gps_at(elapsed_ns) - pair.real_ns % 1_000_000_000)
    return Offset(offset_ns, elapsed_ns, late_ns)


class Numbering:
    """Finds and holds ``shift``; ``problem`` says why it is not known, or empty."""

    def __init__(self) -> None:
        self.shift: int | None = None
        self.problem = "not looked for yet"
        self._lineage: tuple[int, ...] = ()
        self._candidate: int | None = None
        self._agreeing = 0
        self._contradicted = 0
        self._quickest: dict[int, float] = {}

    def second(self, phase: GpsPhase, edges: EdgePhase, pair: ClockPair, witnesses: Witnesses) -> str:
        """Find or check the shift; why the witnesses contradict it, or empty. Call once a second."""
        lineage = (*phase.lineage[:2], edges.generation)
        if lineage != self._lineage:
            self._lineage = lineage
            self._forget("the edges were numbered anew")
        if self.shift is None:
            self._find(phase, edges, pair, witnesses)
            return ""
        offset = offset_of(phase, edges, self.shift, pair, witnesses)
        contradiction = _contradiction(offset, witnesses)
        self._contradicted = self._contradicted + 1 if contradiction else 0
        if self._contradicted >= CONTRADICTED_S or offset.late_ns < -EARLY_NS:
            self._forget(contradiction)
        return contradiction

    def _forget(self, why: str) -> None:
        self.shift = self._candidate = None
        self._agreeing = self._contradicted = 0
        self._quickest.clear()
        self.problem = why

    def _find(self, phase: GpsPhase, edges: EdgePhase, pair: ClockPair, witnesses: Witnesses) -> None:
        """A shift counts when it alone fits all witnesses, and for some seconds."""
        unshifted = offset_of(phase, edges, 0, pair, witnesses)
        period_ns = phase.pi_period_ns
        newest = math.floor((unshifted.late_ns + EARLY_NS) / period_ns)
        second = range(newest - round(_NS / period_ns) + 1, newest + 1)
        fitting = [
            shift
            for shift in second
            if not _contradiction(offset_of(phase, edges, shift, pair, witnesses), witnesses)
        ]
        if witnesses.arrival_most_ns is not None:
            fitting = self._quick(fitting, unshifted.late_ns, period_ns, witnesses.arrival_most_ns)
        if len(fitting) != 1:
            self._candidate, self._agreeing = None, 0
            self.problem = (
                "system clock, kernel PPS and the board's records contradict each other"
                if not fitting
                else f"the system clock is not known to within {0.5e-6 * period_ns:g} ms yet"
            )
            return
        self._agreeing = self._agreeing + 1 if fitting[0] == self._candidate else 1
        self._candidate = fitting[0]
        self.problem = "being confirmed"
        if self._agreeing >= CONFIRM_S:
            self.shift, self.problem = fitting[0], ""

    def _quick(self, fitting: list[int], late_ns: float, period_ns: float, most_ns: float) -> list[int]:
        """Those by which the quickest record so far was not under way for too long."""
        for shift in fitting:
            late = late_ns - shift * period_ns
            self._quickest[shift] = min(late, self._quickest.get(shift, late))
        return [shift for shift in fitting if -EARLY_NS <= self._quickest[shift] <= most_ns]


def _contradiction(offset: Offset, witnesses: Witnesses) -> str:
    """Which witness says that it cannot be, in words; empty when none does."""
    if offset.late_ns < -EARLY_NS:
        return f"the board's record came {-offset.late_ns / 1e6:.1f} ms before it was made"
    if witnesses.pps_after_ns is not None:
        late_ns = wrapped(witnesses.pps_after_ns + offset.ns)
        if not -PPS_EARLY_NS <= late_ns <= PPS_LATE_NS:
            return f"the kernel's PPS is {late_ns / 1e3:+.1f} us late"
    bound_ns = witnesses.system_bound_ns
    if bound_ns is not None and abs(offset.ns) > bound_ns + SYSTEM_MARGIN_NS:
        return f"it is {offset.ns / 1e6:+.3f} ms from a system clock that is right to {bound_ns / 1e6:.3f} ms"
    return ""


def _pi_ns(phase: GpsPhase, edges: EdgePhase, raw_ns: int) -> float:
    """The Pi's time at a raw time since the phase's tick, if both numbered alike."""
    number, after_ns = edges.edge_before(raw_ns)
    whole_ns = (number - phase.pi_edge) * phase.pi_period_ns
    return whole_ns + after_ns * (phase.pi_period_ns / float(edges.period_ns)) - phase.pi_after_ns
