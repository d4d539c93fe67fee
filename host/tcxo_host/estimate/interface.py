"""What every estimator offers: seconds of edges in, estimates out. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..edges.second import Board, Second
from .gps_phase import GpsPhase

__all__ = ["Estimate", "Estimator", "State"]


class State(enum.StrEnum):
    """What the estimate is worth."""

    ACQUIRE = "acquire"
    """Not enough data yet."""
    TRACK = "track"
    """All needed signals are there and the estimate is good."""
    HOLDOVER = "holdover"
    """GPS is away; the TCXO carries on and sigma says how well."""
    HOLD = "hold"
    """Nothing can be trusted: the last published value stays."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Frequency errors against GPS time, ppm, + when the clock runs fast; None where unknown.

    ``freq_error_ppm`` is the mean over the second in which chrony will use it. Sigmas are one standard
    deviation. ``reason`` is for people, empty in ``TRACK``.
    """

    state: State
    reason: str
    freq_error_ppm: float | None = None
    sigma_ppm: float | None = None
    tcxo_ppm: float | None = None
    tcxo_sigma_ppm: float | None = None
    rtc_ppm: float | None = None
    rtc_sigma_ppm: float | None = None
    confirmed: bool = False
    """A step of ``freq_error_ppm`` needs no waiting: all edges of a second agree on it, and so do the pulses."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Edges dropped as outliers since the estimator was made, by role."""
    phase: GpsPhase | None = None
    """GPS time against the Pi's, from estimators that know it and were asked for it."""

    @property
    def usable(self) -> bool:
        """Whether ``freq_error_ppm`` may be published."""
        return self.state in (State.TRACK, State.HOLDOVER)


class Estimator(Protocol):
    """One way to compute an estimate. Deterministic: equal input gives equal output."""

    name: str

    def restart(self, board: Board) -> None:
        """A board appeared or restarted: ticks start anew. What was learned about clocks may stay."""

    def update(self, second: Second) -> Estimate:
        """Take the next second of edges."""

    def export_state(self) -> dict[str, Any]:
        """What is worth keeping across restarts of the daemon, as JSON-able values."""

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Take what ``export_state`` gave in an earlier run. Raises ValueError when it is not usable."""
