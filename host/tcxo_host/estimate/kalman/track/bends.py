"""What happened to a clock within a second that contradicts it: a step of its phase, or of its rate. Pure.

A crystal that changes its frequency bends the phases of its edges: they leave the predicted line at an angle.
A signal that jumps between two neighbouring edges (a slipping divider, another level, a reflection) shifts
all later edges alike and tells nothing about the frequency. Fifty edges a second tell the two apart: each
is fitted at every possible moment, and the sums of squares are compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..filter.clock_model import Floats

__all__ = ["Bend", "find_bend"]

CLEARLY = 16.0
"""A step is believed when it explains so much more of the squares than a bend, in variances of an edge."""
EARLIEST_S = -0.3
"""A bend may have begun so long before the second, unnoticed."""


@dataclass(frozen=True, slots=True)
class Bend:
    """What explains the residuals of a second best.

    ``is_step``: a step of the phase by ``size`` ns from edge ``first`` on; else a change of the rate by ``size``
    ppb from ``start_s`` on, ``first`` being the first edge behind it. ``rest``: mean square that it leaves,
    ns^2; ``sigmas``: the size in its own standard deviations.
    """

    is_step: bool
    first: int
    start_s: float
    size: float
    rest: float
    sigmas: float


def find_bend(times_s: Floats, residuals: Floats, variance: float) -> Bend:
    """``times_s`` and ``residuals`` (ns) of the edges; ``variance`` of one edge, ns^2."""
    count = times_s.size
    steps = np.triu(np.ones((count, count)))
    starts = np.concatenate([np.arange(EARLIEST_S, 0.0, 0.02), times_s[:-1]])
    step_at, step_size, by_step = _best(steps, residuals)
    bend_at, _, _ = _best(_bends(times_s, starts), residuals)
    starts = starts[bend_at] + np.linspace(-0.02, 0.02, 41)
    starts = starts[starts < times_s[-2]]
    bend_at, bend_size, by_bend = _best(_bends(times_s, starts), residuals)
    total = float(residuals.dot(residuals))
    if by_step - by_bend > CLEARLY * variance:
        return Bend(
            True,
            step_at,
            float(times_s[step_at]),
            step_size,
            (total - by_step) / count,
            math.sqrt(by_step / variance),
        )
    start_s = float(starts[bend_at])
    first = int(np.searchsorted(times_s, start_s))
    return Bend(False, first, start_s, bend_size, (total - by_bend) / count, math.sqrt(by_bend / variance))


def _bends(times_s: Floats, starts: Floats) -> Floats:
    """The phase (ns) that a change of the rate by 1 ppb gains, by its start."""
    gained: Floats = np.maximum(times_s[None, :] - starts[:, None], 0.0)
    return gained


def _best(shapes: Floats, residuals: Floats) -> tuple[int, float, float]:
    """Which shape explains most, by what factor, and how much of the squares."""
    squares = np.einsum("ij,ij->i", shapes, shapes)
    shared = shapes @ residuals
    explained = shared**2 / squares
    best = int(explained.argmax())
    return best, float(shared[best] / squares[best]), float(explained[best])
