"""Learning the noise levels of the board at hand, within bounds. Pure.

The Pi's white and random-walk frequency noise come from third differences of its phase at two spacings
(Hadamard variances, blind to a steady drift; Riley, NIST SP 1065), solved for the two levels. The size
of its drift comes from the drift's own estimate (one step of expectation-maximisation a second). A
pulse's variance comes from its innovations, and the TCXO's random walk from whether those innovations
are white: a walk set too small leaves them correlated, one too large over-whitens them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...plausible import number
from ..filter.clock_model import Levels

__all__ = ["Average", "Bounds", "DriftSize", "PiNoise", "PulseNoise", "Whiteness"]

SPACINGS = (1, 2, 4, 8)
"""Spacings of the third differences, seconds."""
_NEAR = [0, 1, 2]
_OUTER = [0, 2]
_JITTERY = 0.2
"""What measuring adds to a second's phase (ns^2) is less than this unless a divider makes the edges jump."""
_FAR = [2, 3]
"""Where a divider's pattern, which repeats within seconds, spoils the shorter ones."""
MEMORY_S = 1800.0
"""How far back the learned levels look."""
_LOWEST, _HIGHEST = 1e-6, 1e6
"""Beyond, a stored level is no level that was ever learned."""
OWN_SHARE = 0.8
"""Of the walk seen between Pi and counter (as a variance) at least so much is the Pi's. Without a floor a
TCXO's walk once learned too large would leave the Pi none, the Pi's wander would then look like the TCXO's,
and its walk would stay large for hours."""
LEAST_SHARE = 0.05
"""...unless most of it is the counter's, as is seen against GPS; that is known no better than so."""
_OUTLIER = 12.0
"""A squared difference counts at most this many times its mean: glitches and kinks are no noise."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a level may become, lowest and highest; units as in ``Levels``, pulses in ns."""

    pi_white: tuple[float, float] = (0.5, 30.0)
    pi_walk: tuple[float, float] = (0.02, 40.0)
    pi_drift: tuple[float, float] = (0.01, 20.0)
    tcxo_walk: tuple[float, float] = (0.005, 3.0)
    gps_ns: tuple[float, float] = (4.0, 20_000.0)
    rtc_ns: tuple[float, float] = (1.0, 2000.0)


def clip(value: float, bounds: tuple[float, float]) -> float:
    """``value``, or the bound it exceeds."""
    return min(max(value, bounds[0]), bounds[1])


class Average:
    """Running mean over the last ``memory`` samples or so; a sample counts at most ``limit`` means."""

    def __init__(self, memory: float) -> None:
        self.value = 0.0
        self.weight = 0.0
        self._memory = memory

    def add(self, sample: float, limit: float = math.inf) -> float:
        """Take a sample; return the mean."""
        weight, value = self.weight, self.value
        if weight >= 30.0 and sample > limit * value:
            sample = limit * value
        weight += 1.0
        self.weight = weight = self._memory if weight > self._memory else weight
        self.value = value = value + (sample - value) / weight
        return value


class PiNoise:
    """White and random-walk frequency noise of the Pi against the counter."""

    def __init__(self) -> None:
        self._phases: deque[float] = deque(maxlen=3 * SPACINGS[-1] + 1)
        self._phase = 0.0
        self.counters_walk = 0.0
        """What the counter walks, when that is more than the Pi does by itself; else 0."""
        self.own_share = 1.0
        """How much of what is seen between Pi and counter is then the Pi's, as a standard deviation."""
        self._measuring = Average(MEMORY_S)
        self._averages = [Average(MEMORY_S) for _ in SPACINGS]
        self._responses = np.array([_responses(spacing) for spacing in SPACINGS])

    def interrupt(self) -> None:
        """The next phase does not continue the last."""
        self._phases.clear()

    def add(self, advance_ns: float, variance: float) -> None:
        """The mean phase of a second's edges, as an advance (ns) over that of the second before.

        ``variance`` is what measuring adds to the phase, ns^2.
        """
        self._phase += advance_ns
        self._measuring.add(variance)
        phases = self._phases
        phases.append(self._phase)
        # The longest spacing is for those whose shorter ones are spoiled.
        used = len(SPACINGS) if self._measuring.value >= _JITTERY else len(_NEAR)
        for spacing, average in zip(SPACINGS[:used], self._averages, strict=False):
            if len(phases) > 3 * spacing:
                third = phases[-1] - phases[-1 - 3 * spacing]
                third += 3.0 * (phases[-1 - 2 * spacing] - phases[-1 - spacing])
                average.add((third / spacing) ** 2, _OUTLIER)

    def seconds(self) -> float:
        """How many seconds the levels rest on."""
        return self._averages[_NEAR[-1]].weight

    def levels(self, levels: Levels, bounds: Bounds, own: float | None = None) -> tuple[float, float]:
        """``pi_white`` and ``pi_walk`` as seen, the TCXO's share, the counter's and the drift's taken out.

        ``own``: what the Pi walks at most (squared) by ``OwnWalk``, if known.
        """
        seen = np.array([average.value for average in self._averages])
        spacings = np.array(SPACINGS, dtype=np.float64)
        drift_intensity = float(levels.intensities()[4])
        seen -= drift_intensity * self._responses[:, 2]
        # A divider's regular jitter averages better than it looks, and the data know it.
        whole = np.column_stack([self._responses[:, :2], 20.0 / spacings**2])
        white, _, measuring = np.linalg.solve(whole[_NEAR], seen[_NEAR]).tolist()
        known = self._averages[-1].weight >= 30.0
        regular = white > 0.0 or self._measuring.value < _JITTERY or not known
        measuring = clip(measuring, (0.0, self._measuring.value)) if regular else 0.0
        used = _OUTER if regular else _FAR
        response, rest = whole[used, :2], (seen - measuring * whole[:, 2])[used]
        white, walk = np.linalg.solve(response, rest).tolist()
        if white < 0.0:
            white, walk = 0.0, float(rest[1] / response[1, 1])
        elif walk < 0.0:
            white, walk = float(rest[0] / response[0, 0]), 0.0
        white -= levels.tcxo_white**2
        restless = own is not None and own < 0.5 * walk
        share = max(own / walk, LEAST_SHARE) if own is not None and restless else OWN_SHARE
        self.counters_walk = math.sqrt((1.0 - share) * walk) if restless else 0.0
        self.own_share = math.sqrt(share) if restless else 1.0
        walk = max(walk - levels.tcxo_walk**2, share * walk)
        return (
            clip(math.sqrt(max(white, 0.0)), bounds.pi_white),
            clip(math.sqrt(max(walk, 0.0)), bounds.pi_walk),
        )


def _responses(spacing: int) -> tuple[float, float, float]:
    """Mean square of a third difference per unit of white FM, walk FM and drift noise (per s).

    Phases are means over a second each. Noise dW entering at time t moves the difference by g(t), its
    first and second integrals for the walks; each response is the integral of that squared.
    """
    per_s = 100
    step = 1.0 / per_s
    weights = np.zeros(3 * spacing + 1)
    weights[[0, spacing, 2 * spacing, 3 * spacing]] = np.array([-1.0, 3.0, -3.0, 1.0]) / spacing
    density = np.repeat(weights, per_s) * step
    response = np.cumsum(density[::-1])[::-1] - 0.5 * density
    squares = []
    for _ in range(3):
        squares.append(float(np.sum(response**2) * step))
        response = (np.cumsum(response[::-1])[::-1] - 0.5 * response) * step
    return squares[0], squares[1], squares[2]


class DriftSize:
    """Standard deviation of the Pi's drift."""

    def __init__(self, first: float) -> None:
        self._average = Average(MEMORY_S)
        self._average.value, self._average.weight = first * first, 60.0

    def add(self, drift: float, variance: float, bounds: tuple[float, float]) -> float:
        """Take a second's estimate (ppb/s) and its variance; return the size."""
        self._average.add(drift * drift + variance)
        return clip(math.sqrt(self._average.value), bounds)


class PulseNoise:
    """Variance of one pulse, from innovations and what they should have been without it."""

    def __init__(self, first_ns: float, memory: float = 600.0) -> None:
        self._average = Average(memory)
        self._average.value, self._average.weight = first_ns * first_ns, 60.0

    def add(self, residual: float, predicted: float, bounds: tuple[float, float]) -> float:
        """Take an accepted pulse's innovation (ns) and predicted variance; return the pulse's variance."""
        excess = max(residual * residual - predicted, 0.1 * residual * residual)
        self._average.add(excess, _OUTLIER)
        return clip(math.sqrt(self._average.value), bounds) ** 2


class Whiteness:
    """Scales the TCXO's random walk until sums of normalised GPS innovations are as large as white ones."""

    LENGTH = 32

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def add(self, residual: float, variance: float, walk: float, bounds: tuple[float, float]) -> float:
        """Take an innovation and its whole variance; return the walk to use from now on."""
        self._sum += residual / math.sqrt(variance)
        self._count += 1
        if self._count < self.LENGTH:
            return walk
        square = min(self._sum * self._sum / self._count, 9.0)
        self._sum, self._count = 0.0, 0
        return clip(walk * math.exp(0.1 * (square - 1.0)), bounds)


def export(noise: Levels, gps_variance: float) -> dict[str, Any]:
    """Levels worth keeping."""
    return {
        "pi_white": noise.pi_white,
        "pi_walk": noise.pi_walk,
        "pi_drift": noise.pi_drift,
        "tcxo_walk": noise.tcxo_walk,
        "gps_ns": math.sqrt(gps_variance),
    }


def imported(state: Mapping[str, Any], bounds: Bounds) -> dict[str, float]:
    """The levels in an exported state, each within its bounds. Raises ValueError for what is none."""
    return {
        key: clip(number(state, key, _LOWEST, _HIGHEST), getattr(bounds, key))
        for key in ("pi_white", "pi_walk", "pi_drift", "tcxo_walk", "gps_ns")
    }
