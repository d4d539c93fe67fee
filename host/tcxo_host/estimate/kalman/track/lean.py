"""Pulses that lean to one side: what they are seen against drifts. Pure."""

from __future__ import annotations

__all__ = ["Lean"]

MEMORY = 0.8
"""Weight of the older innovations in their running sum..."""
GATE = 4.0
"""...whose size, in its own standard deviations, tells that the counter drifts as no TCXO does."""

DOUBT = 2.0
"""Then the rates are doubted by so many times the drift that explains it."""


class Lean:
    """The running sum of normalised innovations."""

    def __init__(self) -> None:
        self._sum = 0.0

    def clear(self) -> None:
        """Begin anew."""
        self._sum = 0.0

    def doubt_ppb(self, residual_ns: float, sigma_ns: float) -> float:
        """Take an innovation and its standard deviation. By how much the rates are to be doubted because the pulses
        lean; 0 while they do not."""
        self._sum = MEMORY * self._sum + residual_ns / sigma_ns
        if self._sum**2 * (1.0 - MEMORY**2) <= GATE**2:
            return 0.0
        drift_ppb = self._sum * sigma_ns * (1.0 - MEMORY) ** 2
        self._sum = 0.0
        return DOUBT * drift_ppb
