"""Whether chrony may have a phase sample this second, and which. Pure.

chrony's SOCK sample has no uncertainty and its median filter cannot reject a late majority: on any doubt nothing
is sent, and the reason has a name.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ...estimate.gps_phase import GpsPhase
from ...estimate.interface import Estimate, State
from ...estimate.receiver_wander import phase_sigma_ns
from ..clock_pair import ClockPair
from .ambiguity import Numbering, Witnesses, offset_of
from .tracker import EdgePhase

__all__ = ["Limits", "PhasePolicy", "PhaseSample", "Refusal", "Verdict"]


class Refusal(enum.StrEnum):
    """Why there is no sample."""

    NOT_TRACKING = "not-tracking"
    PWM_CHANGED = "pwm-changed"
    NO_EDGES = "no-edges"
    JUMPED = "phase-jumped"
    HALF_WIDTH = "half-width"
    SIGMA = "sigma"
    CLOCK_PAIR = "clock-pair"
    AMBIGUITY = "ambiguity"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Limits:
    """``offset_ns`` is added: by how much the pulse comes late through antenna, receiver and cable."""

    half_width_ns: float = 1000.0
    sigma_ns: float = 1000.0
    offset_ns: float = 0.0


@dataclass(frozen=True, slots=True)
class PhaseSample:
    """At system time ``real_ns`` GPS time was ahead by ``offset_ns``, whole seconds aside.

    ``half_width_ns``: the constant part of the error is within this; ``sigma_ns``: of GPS against the PWM,
    with what a receiver wanders unseen.
    """

    real_ns: int
    offset_ns: float
    half_width_ns: float
    sigma_ns: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sample, or why there is none: ``refusal`` for programs, ``reason`` for people."""

    sample: PhaseSample | None
    refusal: Refusal | None = None
    reason: str = ""


SETTLE_S = 10
"""Seconds without a sample after the PWM moved, or anything began anew."""
MOVED_NS, MOVED_SIGMAS = 35.0, 6.0
"""A crystal's reading does not leave its expected course by more in a second: simulated ones reach 31 in a draught,
15 under load."""
UNSEEN_S = 0.5
"""A filter that took no PWM edge for so long guesses where they are."""
FEWEST_BRACKETS = 5
OLDEST_EDGE_S = 10.0
LONGEST_NS = 2.5e9
"""An older state of the filter is not carried on."""


class PhasePolicy:
    """Decides once a second; remembers what was last doubted."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.numbering = Numbering()
        self._lineage: tuple[int, ...] | None = None
        self._numbers: tuple[int, int] | None = None
        self._settling = 0

    def moved(self, estimate: Estimate) -> bool:
        """Whether the board saw the PWM's edges move: what is known of them on the raw clock is worth nothing.

        Once a second, before ``decide``.
        """
        phase = estimate.phase
        if phase is None:
            return False
        numbering, self._numbers = self._numbers, phase.lineage[:2]
        if numbering is not None and numbering != self._numbers:
            return True
        return self._left_its_course(phase)

    @staticmethod
    def _left_its_course(phase: GpsPhase) -> bool:
        return abs(phase.moved_ns) > max(MOVED_NS, MOVED_SIGMAS * phase.pi_white_ppb)

    def decide(
        self,
        estimate: Estimate,
        edges: EdgePhase | None,
        pair: ClockPair | None,
        witnesses: Witnesses,
        *,
        doubt: str = "",
        edge_problem: str = "",
    ) -> Verdict:
        """This second's verdict. ``doubt``: why the PWM may not be trusted; ``edge_problem``: why ``edges`` is None.

        ``edges`` as known at the moment of ``pair``.
        """
        self._settling = max(0, self._settling - 1)
        if doubt:
            return self._unsettle(Refusal.PWM_CHANGED, doubt)
        phase = estimate.phase
        if not estimate.usable or phase is None:
            reason = estimate.reason or "the estimator knows no phase"
            return Verdict(None, Refusal.NOT_TRACKING, f"{estimate.state}: {reason}")
        if edges is None:
            return self._unsettle(Refusal.NO_EDGES, edge_problem or "no edge was seen yet")
        lineage = (*phase.lineage, edges.generation)
        if self._lineage is not None and lineage != self._lineage:
            self._settling = SETTLE_S
        self._lineage = lineage
        if self._left_its_course(phase):
            return self._unsettle(
                Refusal.JUMPED, f"the PWM's edges moved by {phase.moved_ns:+.0f} ns within a second"
            )
        if phase.pi_age_s > UNSEEN_S:
            return self._unsettle(Refusal.JUMPED, "the board's latest PWM edges are missing or refused")
        if edges.in_doubt:
            return self._unsettle(Refusal.JUMPED, "an edge was not where the ones before had it")
        if edges.age_s > OLDEST_EDGE_S:
            return Verdict(None, Refusal.NO_EDGES, f"no edge for {edges.age_s:.0f} s: {edge_problem}")
        if pair is None:
            return Verdict(None, Refusal.CLOCK_PAIR, "the system clock is being stepped")
        contradiction = self.numbering.second(phase, edges, pair, witnesses)
        if contradiction:
            return Verdict(None, Refusal.DISAGREES, contradiction)
        if self.numbering.shift is None:
            return Verdict(
                None, Refusal.AMBIGUITY, f"which edge is which is not known: {self.numbering.problem}"
            )
        if self._settling:
            return Verdict(None, Refusal.JUMPED, f"settling for {self._settling} s")
        return self._sample(estimate, edges, pair, witnesses, self.numbering.shift)

    def _sample(
        self, estimate: Estimate, edges: EdgePhase, pair: ClockPair, witnesses: Witnesses, shift: int
    ) -> Verdict:
        limits, phase = self.limits, estimate.phase
        assert phase is not None
        half_width_ns = edges.half_width_ns + pair.half_width_ns
        if half_width_ns > limits.half_width_ns or edges.brackets < FEWEST_BRACKETS:
            reason = f"the edges are known to within {half_width_ns:.0f} ns only"
            return Verdict(None, Refusal.HALF_WIDTH, reason)
        offset = offset_of(phase, edges, shift, pair, witnesses)
        if not 0.0 <= offset.elapsed_ns <= LONGEST_NS:
            return Verdict(None, Refusal.NOT_TRACKING, f"the phase is {offset.elapsed_ns * 1e-9:.1f} s old")
        sigma_ns = phase_sigma_ns(phase.sigma_at(offset.elapsed_ns))
        if not sigma_ns <= limits.sigma_ns:
            what = "holdover" if estimate.state is State.HOLDOVER else "settling"
            return Verdict(None, Refusal.SIGMA, f"{what}: sigma of the phase is {sigma_ns:.0f} ns")
        return Verdict(
            PhaseSample(pair.real_ns, offset.ns + limits.offset_ns, half_width_ns, sigma_ns),
        )

    def _unsettle(self, refusal: Refusal, reason: str) -> Verdict:
        self._settling = SETTLE_S
        return Verdict(None, refusal, reason)
