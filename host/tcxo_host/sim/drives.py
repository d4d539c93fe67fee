"""What pushes a simulated quantity about: sinusoid, CPU load, warm-up, step. Deterministic and pure.

A drive's value has the unit of what it drives: ppm for a clock, degrees for a temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .oscillators import Floats

__all__ = ["DRIVE_KINDS", "Drive", "value_at"]

DRIVE_KINDS = ("sinusoid", "load", "warm-up", "step")


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive. Which of the times matter depends on ``kind``:

    ``sinusoid``: ``amplitude * sin(2 pi (t / period_s + phase_turns))``;
    ``load``: idle and busy in turn, ``period_s / 2`` each, 0 or ``amplitude`` in the steady state, through
    a first-order lag of ``time_constant_s``; ``warm-up``: ``amplitude * exp(-t / time_constant_s)``;
    ``step``: ``amplitude`` from ``at_s`` on.
    """

    kind: str
    amplitude: float
    period_s: float = 86400.0
    phase_turns: float = 0.0
    time_constant_s: float = 120.0
    at_s: float = 0.0


def value_at(drive: Drive, t_s: Floats) -> Floats:
    """The drive at true times ``t_s`` (s, not negative). Raises ValueError for an unknown kind."""
    if drive.kind == "sinusoid":
        return drive.amplitude * np.sin(2.0 * math.pi * (t_s / drive.period_s + drive.phase_turns))
    if drive.kind == "warm-up":
        return drive.amplitude * np.exp(-t_s / drive.time_constant_s)
    if drive.kind == "step":
        return np.where(t_s >= drive.at_s, drive.amplitude, 0.0)
    if drive.kind == "load":
        return drive.amplitude * _lagged_square(t_s, drive.period_s / 2.0, drive.time_constant_s)
    raise ValueError(f"drive kind '{drive.kind}' is none of {', '.join(DRIVE_KINDS)}")


def _lagged_square(t_s: Floats, half_s: float, lag_s: float) -> Floats:
    """Square wave 0, 1, 0, 1... of ``half_s`` each, through a first-order lag, starting at 0."""
    half = np.floor(t_s / half_s)
    decay = math.exp(-half_s / lag_s)
    # Value at the start of half k: v[0] = 0, v[k+1] = target[k] + (v[k] - target[k]) decay, target = k odd.
    # Its closed form: the settled cycle plus the start-up transient.
    settled_busy = decay / (1.0 + decay)
    settled_idle = 1.0 / (1.0 + decay)
    busy = half % 2.0
    settled = np.where(busy > 0, settled_busy, settled_idle)
    start = settled - settled_idle * decay**half
    return busy + (start - busy) * np.exp(-(t_s - half * half_s) / lag_s)
