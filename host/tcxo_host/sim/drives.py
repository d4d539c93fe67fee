"""What pushes a simulated quantity about: sinusoid, CPU load, step, shock, draught. Deterministic and pure.

A drive's value has the unit of what it drives: ppm for a clock, degrees for a temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .oscillators import Floats

__all__ = ["DRIVE_KINDS", "Drive", "value_at"]

DRIVE_KINDS = ("sinusoid", "load", "warm-up", "step", "shock", "ramp", "draught")


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive. Which of the times matter depends on ``kind``:

    ``sinusoid``: ``amplitude * sin(2 pi (t / period_s + phase_turns))``;
    ``load``: idle and busy in turn, ``period_s / 2`` each, 0 or ``amplitude`` in the steady state, through
    a first-order lag of ``time_constant_s`` and, when it is not 0, a second one of ``second_lag_s``;
    ``warm-up``: ``amplitude * exp(-t / time_constant_s)``; ``step``: ``amplitude`` from ``at_s`` on;
    ``shock``: the same through a lag of ``time_constant_s``; ``ramp``: the same, evenly within
    ``duration_s``; ``draught``: gusts of about ``period_s`` between nothing and ``amplitude``, from ``at_s``
    for ``duration_s``.
    """

    kind: str
    amplitude: float
    period_s: float = 86400.0
    phase_turns: float = 0.0
    time_constant_s: float = 120.0
    at_s: float = 0.0
    duration_s: float = 600.0
    second_lag_s: float = 0.0


def value_at(drive: Drive, t_s: Floats) -> Floats:
    """The drive at true times ``t_s`` (s, not negative). Raises ValueError for an unknown kind."""
    if drive.kind == "sinusoid":
        return drive.amplitude * np.sin(2.0 * math.pi * (t_s / drive.period_s + drive.phase_turns))
    if drive.kind == "warm-up":
        return drive.amplitude * np.exp(-t_s / drive.time_constant_s)
    if drive.kind == "step":
        return np.where(t_s >= drive.at_s, drive.amplitude, 0.0)
    if drive.kind == "load":
        return drive.amplitude * _twice_lagged_square(drive, t_s)
    if drive.kind == "shock":
        since_s = np.maximum(t_s - drive.at_s, 0.0)
        return drive.amplitude * (1.0 - np.exp(-since_s / drive.time_constant_s))
    if drive.kind == "ramp":
        return drive.amplitude * np.clip((t_s - drive.at_s) / drive.duration_s, 0.0, 1.0)
    if drive.kind == "draught":
        return drive.amplitude * _gusts(t_s - drive.at_s, drive.duration_s, drive.period_s)
    raise ValueError(f"drive kind '{drive.kind}' is none of {', '.join(DRIVE_KINDS)}")


def _twice_lagged_square(drive: Drive, t_s: Floats) -> Floats:
    """Two lags in a row are a weighted difference of the two single ones (partial fractions)."""
    half_s, first_s, second_s = drive.period_s / 2.0, drive.time_constant_s, drive.second_lag_s
    through_first = _lagged_square(t_s, half_s, first_s)
    if second_s == 0.0:
        return through_first
    through_second = _lagged_square(t_s, half_s, second_s)
    return (first_s * through_first - second_s * through_second) / (first_s - second_s)


def _gusts(since_s: Floats, duration_s: float, period_s: float) -> Floats:
    """Two beats that never repeat, between 0 and 1, fading in and out over the first and last period."""
    inside_s = np.minimum(since_s, duration_s - since_s)
    fade = np.clip(inside_s / period_s, 0.0, 1.0)
    turns = 2.0 * math.pi * since_s / period_s
    return fade * (0.5 - 0.25 * np.cos(turns) - 0.25 * np.cos(turns * 0.618))


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
