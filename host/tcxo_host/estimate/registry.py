"""Estimators by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from .interface import Estimator  # brings numpy, which reading a configuration does not need

__all__ = ["ESTIMATORS", "make_estimator"]

ESTIMATORS = ("kalman", "boxcar64")


def make_estimator(
    name: str, start_limit_ppm: float = 0.01, holdover_limit_ppm: float = 0.05, *, phase: bool = False
) -> Estimator:
    """A fresh estimator; limits and ``phase`` are ``KalmanSettings``'. Raises ConfigError for an unknown name."""
    if name == "kalman":
        from .kalman.estimator import Kalman, KalmanSettings

        settings = KalmanSettings(
            start_limit_ppm=start_limit_ppm, holdover_limit_ppm=holdover_limit_ppm, phase=phase
        )
        return Kalman(settings)
    if name == "boxcar64":
        from .boxcar.estimator import Boxcar64

        return Boxcar64()
    raise ConfigError(f"estimator {name!r}: allowed are {', '.join(ESTIMATORS)}")
