"""A clock beside GPS (a steadier pulse, the RTC) that may carry on when GPS is gone. Pure.

While GPS pulses, it is only watched: by how much its pulse comes after GPS's, how fast that changes, and how far it
wanders; it moves nothing, so a bad one cannot hurt. The counter does not matter for that, as both are seen in it
within a second.
"""

from __future__ import annotations

import math
from collections import deque

from .learn.noise import Average, PulseNoise, clip

__all__ = ["BLOCK_S", "Flywheel"]

GATE = 5.0
PERSISTENT = 5
"""So many refused pulses in a row that agree are a step of the phase..."""
HOPELESS = 12
"""...so many that do not, another clock."""
MOST_STEPS = 3
"""So many steps within ``STEPS_S`` are another rate: everything is learned anew."""
STEPS_S = 300.0
"""A clock carries nothing until GPS has seen it for so long without a step: it may have been the beginning of another
rate."""
LATEST, LEANING = 8, 4.0
"""Nor while so many pulses in a row together are off by so many standard deviations, as when its rate just jumped."""
FIRST_PPB = 1e5
BLOCK_S = 64
"""Its wander is told from means over so long..."""
NEAR, FAR = 1, 8
"""...their second differences at a spacing of so many, which a steady rate does not show."""
LESSONS = 6
"""So many at the far spacing, and its wander is known; they overlap, so this is half an hour after the first pulse."""
MEMORY = 200.0
WALK_PPB = (0.002, 5.0)
"""What may be learned of its random walk, per root second. No clock here is trusted to better than the lower."""
WHITE_PPB = (0.05, 30.0)
SAME_SIGNAL = 0.4
"""Pulses that scatter less against GPS's than that share of what those scatter themselves (variances) are GPS's."""
NOISE_NS = (1.0, 2000.0)


class Flywheel:
    """One clock's lateness against GPS: ``late_ns``, and its rate ``late_ppb`` (+ = the clock is slow)."""

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=MOST_STEPS)
        self._begin()

    def _begin(self) -> None:
        self._at_s: float | None = None
        self._late_ns, self._late_ppb = 0.0, 0.0
        self._xx, self._xy, self._yy = 0.0, 0.0, FIRST_PPB**2
        self._noise = PulseNoise(20.0)
        self._variance = 400.0
        self._walk, self._white = 0.2, 3.0
        self._near, self._far = Average(MEMORY), Average(MEMORY)
        self._refused: list[float] = []
        self._latest: deque[float] = deque(maxlen=LATEST)
        self._interrupt()

    def _interrupt(self) -> None:
        self._block: list[float] = []
        self._means: deque[float] = deque(maxlen=2 * FAR + 1)

    def observe(self, now_s: float, late_ns: float) -> None:
        """GPS and this clock both pulsed: it ``late_ns`` after GPS, in GPS time, whole seconds left out."""
        if self._at_s is None:
            self._at_s, self._late_ns, self._xx = now_s, late_ns, self._variance
            return
        if now_s - self._at_s > 2.5:
            self._interrupt()
        self._advance(now_s)
        residual = _nearest(late_ns - self._late_ns)
        total = self._xx + self._variance
        if residual * residual > GATE * GATE * total:
            self._refuse(now_s, residual, total)
            return
        self._refused.clear()
        self._latest.append(residual / math.sqrt(total))
        self._variance = self._noise.add(residual, self._xx, NOISE_NS)
        gain_x, gain_y = self._xx / total, self._xy / total
        self._late_ns += gain_x * residual
        self._late_ppb += gain_y * residual
        self._yy -= gain_y * self._xy
        self._xy *= 1.0 - gain_x
        self._xx *= 1.0 - gain_x
        self._learn(now_s, residual)

    def late_at(self, now_s: float) -> float:
        """Where its pulse is to be expected after GPS's, ns."""
        return self._late_ns + self._late_ppb * self._age_s(now_s)

    def variance(self, now_s: float) -> float:
        """Of its rate against GPS by now, ppb^2."""
        return self._yy + self._walk**2 * self._age_s(now_s)

    def is_known(self, gps_variance: float) -> bool:
        """Whether it may carry: looked at for long, steady of late, and not GPS's own pulse (whose noise has
        ``gps_variance``, ns^2)."""
        steady = not self._steps or (self._at_s or 0.0) - self._steps[-1] > STEPS_S
        leaning = abs(sum(self._latest)) > LEANING * math.sqrt(LATEST)
        steady = steady and not self._refused and not leaning
        return self._far.weight >= LESSONS and steady and self._variance > SAME_SIGNAL * gps_variance

    def stepped(self, now_s: float, by_ns: float) -> None:
        """Its phase stepped, and its rate is as before."""
        self._late_ns += by_ns
        self._steps.append(now_s)
        self._interrupt()

    def _age_s(self, now_s: float) -> float:
        return 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)

    def _advance(self, now_s: float) -> None:
        t, q = self._age_s(now_s), self._walk**2
        self._late_ns += self._late_ppb * t
        self._xx += 2.0 * t * self._xy + t * t * self._yy + self._white**2 * t + q * t**3 / 3.0
        self._xy += t * self._yy + q * t * t / 2.0
        self._yy += q * t
        self._at_s = now_s

    def _refuse(self, now_s: float, residual: float, total: float) -> None:
        self._refused.append(residual)
        recent = self._refused[-PERSISTENT:]
        if len(recent) == PERSISTENT and max(recent) - min(recent) < 2.0 * GATE * math.sqrt(total):
            self._refused.clear()
            self.stepped(now_s, sum(recent) / PERSISTENT)
            if len(self._steps) == MOST_STEPS and now_s - self._steps[0] < STEPS_S:
                self._begin()
        elif len(self._refused) >= HOPELESS:
            self._begin()

    def _learn(self, now_s: float, residual: float) -> None:
        """Means of what the pulses told, not of what the filter made of them."""
        self._block.append(self._late_ns + residual * self._variance / (self._xx + self._variance))
        if len(self._block) < BLOCK_S:
            return
        self._means.append(sum(self._block) / BLOCK_S)
        self._block.clear()
        measuring = 6.0 * self._variance / BLOCK_S
        for spacing, average in ((NEAR, self._near), (FAR, self._far)):
            if len(self._means) > 2 * spacing:
                late, middle, early = (self._means[-1 - n * spacing] for n in (0, 1, 2))
                bend = _nearest(late - middle) - _nearest(middle - early)
                average.add(max(bend * bend - measuring, 0.1 * measuring), 12.0)
        # Of white noise of the frequency a bend over T has 2 T, of its random walk 2/3 T^3; each is given the whole.
        near_s, far_s = float(NEAR * BLOCK_S), float(FAR * BLOCK_S)
        if self._near.weight >= LESSONS:
            self._white = clip(math.sqrt(self._near.value / (2.0 * near_s)), WHITE_PPB)
        if self._far.weight >= LESSONS:
            self._walk = clip(math.sqrt(1.5 * self._far.value / far_s**3), WALK_PPB)


def _nearest(late_ns: float) -> float:
    """Whole seconds left out."""
    return late_ns - 1e9 * round(late_ns * 1e-9)
