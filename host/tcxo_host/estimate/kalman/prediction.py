"""What the joint state says of the second in which chrony will use it. Pure."""

from __future__ import annotations

import math

from ... import tempcomp
from .filter.clock_model import DRIFT_TIME_S, GPS_V, PI_D, PI_V
from .filter.clocks import Clocks

__all__ = ["pi_error"]


def pi_error(
    clocks: Clocks, mean: list[float], cov: list[list[float]], tick: int, holdover_variance: float
) -> tuple[float, float]:
    """The Pi's mean frequency error over the second in which chrony uses a value made at ``tick``.

    Relative, + = fast, with its standard deviation in ppm. ``mean`` and ``cov`` are the filter's, as lists;
    ``holdover_variance`` (ppb^2) is by how much the counter's rate is less sure than they say.
    """
    ahead_s = clocks.seconds_after(tick) + tempcomp.USED_AFTER_S
    gained_s = DRIFT_TIME_S * (1.0 - math.exp(-ahead_s / DRIFT_TIME_S))
    pi_rate = mean[PI_V] + mean[PI_D] * gained_s
    error = (1.0 + pi_rate * 1e-9) / (1.0 + mean[GPS_V] * 1e-9) - 1.0
    levels = clocks.levels
    variance = (
        cov[PI_V][PI_V]
        + gained_s * (2.0 * cov[PI_V][PI_D] + gained_s * cov[PI_D][PI_D])
        - 2.0 * (cov[PI_V][GPS_V] + gained_s * cov[PI_D][GPS_V])
        + cov[GPS_V][GPS_V]
        + holdover_variance
        + levels.pi_white**2
        + levels.pi_walk**2 * (ahead_s - 0.5 + 1.0 / 3.0)
    )
    return error, math.sqrt(max(variance, 0.0)) * 1e-3
