"""The inner loop: how many cores must burn so that the CPU's temperature stays where it is wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Gains", "PiControl", "spread"]


@dataclass(frozen=True, slots=True)
class Gains:
    """For a die that a core warms by some 3 K within some 6 s; half and twice of either is still well damped."""

    cores_per_k: float = 0.35
    reset_s: float = 6.0
    """The integral's time."""
    ramp_k_per_s: float = 0.02
    """How fast a new set-point is approached; the board's slow parts follow no faster."""


class PiControl:
    """PI on the temperature with back-calculation against windup; other programs' work is fed forward.

    What it commands is the sum of all work, in cores: a program that starts replaces burning at once, before the
    temperature has changed.
    """

    def __init__(self, gains: Gains | None = None) -> None:
        self._gains = gains or Gains()
        self._integral_cores = 0.0
        self._target_c: float | None = None

    @property
    def target_c(self) -> float | None:
        """Where the temperature is to be now, on the way to the set-point."""
        return self._target_c

    def step(
        self, dt_s: float, temperature_c: float, set_point_c: float, work_cores: float, most_cores: float
    ) -> float:
        """Cores that shall burn now, 0 to ``most_cores``."""
        gains = self._gains
        target = temperature_c if self._target_c is None else self._target_c
        if self._target_c is None:
            self._integral_cores = work_cores
        move = gains.ramp_k_per_s * dt_s
        self._target_c = target = min(max(set_point_c, target - move), target + move)
        error_k = target - temperature_c
        wanted = self._integral_cores + gains.cores_per_k * error_k - work_cores
        burn = min(max(wanted, 0.0), most_cores)
        self._integral_cores += dt_s / gains.reset_s * (gains.cores_per_k * error_k + burn - wanted)
        return burn


def spread(cores: float, free: Sequence[float]) -> tuple[float, ...]:
    """``cores`` of burning as shares of single cores: even, but no more of one than is ``free`` (0 to 1) there."""
    shares, left = [0.0] * len(free), cores
    fullest_first = sorted(range(len(free)), key=free.__getitem__)
    for place, n in enumerate(fullest_first):
        shares[n] = min(max(free[n], 0.0), left / (len(free) - place))
        left -= shares[n]
    return tuple(shares)
