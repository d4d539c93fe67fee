"""What the oven is told at each step, and what it answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STEP_S", "Reading", "busy_cores"]

STEP_S = 0.25
"""The control step: a fraction of the die's own lag, which is some seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the machine. ``t_s``: any steady clock.

    ``work``: by core, the share of the time since the last look that other programs had it; ``burned`` the same for
    the burner, 0 where it has no worker. ``throttled``: the firmware's flags, None where it tells none. ``ppm``: the
    Pi's frequency error (+ = fast), None unless the daemon has just measured it.
    """

    t_s: float
    temperature_c: float | None
    work: tuple[float, ...]
    burned: tuple[float, ...]
    throttled: int | None = None
    ppm: float | None = None


def busy_cores(shares: tuple[float, ...]) -> float:
    """Shares of single cores as a number of cores."""
    return sum(shares)
