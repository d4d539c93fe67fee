"""Which Pis can have phase: those whose PWM and counter are one crystal by whole numbers."""

from __future__ import annotations

from ..config.source import SourceConfig
from ..errors import UnavailableError
from .models import PiModel

__all__ = ["EXACT_PPM", "refuse_model", "refuse_source"]

EXACT_PPM = 1e-4
"""A rate that is off by more is made by a fractional divider."""


def refuse_model(model: PiModel) -> None:
    """Raises UnavailableError for a Pi that cannot."""
    if not model.shared_crystal:
        raise UnavailableError(f"phase: on a {model.title} PWM and system clock have two crystals")
    if abs(model.timer_bias_ppm) > EXACT_PPM:
        raise UnavailableError(f"phase: on a {model.title} the counter is made by a fractional divider")


def refuse_source(source: SourceConfig) -> None:
    """Raises UnavailableError for a UART as the signal.

    Its clock comes through a PLL of fractional ratio (Pi 0 to 4), or its pin cannot be read (Pi 5), and a pause
    moves its edges.
    """
    if source.device:
        raise UnavailableError("phase: a UART's edges have no place on the counter that is known for good")
