"""A second of phase, in its order: edges polled, clocks paired, decided. The daemon's and the simulation's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...estimate.interface import Estimate
from ..clock_pair import ClockPair
from .ambiguity import Witnesses
from .meter import EdgeMeter
from .sample import PhasePolicy, Verdict
from .tracker import EdgePhase

__all__ = ["PhaseSecond", "PhaseWork"]


@dataclass(frozen=True, slots=True)
class PhaseSecond:
    """What a second gave."""

    verdict: Verdict
    edges: EdgePhase | None
    pair: ClockPair | None


class PhaseWork:
    """Joins the parts. ``read_pair`` gives a pair now, ``raw_ns`` the raw clock."""

    def __init__(
        self,
        meter: EdgeMeter,
        policy: PhasePolicy,
        read_pair: Callable[[], ClockPair | None],
        raw_ns: Callable[[], int],
    ) -> None:
        self.meter = meter
        self.policy = policy
        self._read_pair = read_pair
        self._raw_ns = raw_ns

    def second(self, estimate: Estimate, witnesses: Witnesses, doubt: str = "") -> PhaseSecond:
        """To be called right after the estimate was made. Blocks for one to three periods of the PWM."""
        if doubt or self.policy.moved(estimate):
            self.meter.tracker.restart()
        self.meter.second()
        pair = self._read_pair()
        edges = self.meter.tracker.at(pair.raw_ns if pair else self._raw_ns())
        verdict = self.policy.decide(
            estimate, edges, pair, witnesses, doubt=doubt, edge_problem=self.meter.problem
        )
        return PhaseSecond(verdict, edges, pair)
