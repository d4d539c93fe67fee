"""Estimators by name."""

from __future__ import annotations

from ..errors import ConfigError
from .interface import Estimator

__all__ = ["ESTIMATORS", "make_estimator"]

ESTIMATORS = ("boxcar64",)


def make_estimator(name: str) -> Estimator:
    """A fresh estimator. Raises ConfigError for an unknown name."""
    if name == "boxcar64":
        from .boxcar import Boxcar64

        return Boxcar64()
    raise ConfigError(f"estimator {name!r}: allowed are {', '.join(ESTIMATORS)}")
