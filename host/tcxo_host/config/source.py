"""``[source]``: which of this computer's signals the board measures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError
from .field import setting

__all__ = ["SourceConfig", "check_signal"]

_EDGES_PER_BAUD = 0.1
"""A byte of ten bits has one rising edge."""


def check_signal(signal: str) -> None:
    """Raises UsageError for a text that names no signal."""
    if signal != "pwm" and not re.fullmatch(r"uart:/dev/[\w./:-]+", signal):
        raise UsageError(f"signal {signal!r}: expected pwm, or uart: and a device such as uart:/dev/ttyAMA10")


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The signal that the board measures this computer's crystal by."""

    signal: str = setting(
        "pwm",
        "pwm, or uart:DEVICE such as uart:/dev/ttyAMA10, which sends without pause",
        check=check_signal,
    )
    baud: int = setting(500, "uart: its speed, ten times the edges a second", low=50, high=10_000)
    rate_hz: float = setting(
        0.0,
        "uart: edges a second where they are not baud / 10, as with a clock of 24 MHz / 13 on many PCs (48.076923 at"
        " 480 baud); 0: baud / 10",
        low=0,
        high=1000,
    )

    @property
    def device(self) -> str:
        """The UART's device file; empty when the PWM is the signal."""
        return self.signal.partition(":")[2]

    @property
    def uart_hz(self) -> float:
        """The UART's nominal edges a second."""
        return self.rate_hz or self.baud * _EDGES_PER_BAUD
