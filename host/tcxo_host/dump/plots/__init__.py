"""Plots of captures and of chrony's logs; matplotlib is imported only by what draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["KINDS", "NEEDS_CAPTURE", "NEEDS_ROWS", "draw"]

KINDS = {
    "channels": "frequency error of TCXO, Pi and RTC, 64 s averages as Dan Drown's article draws them; each in ppb",
    "tempcomp": "the value written for chrony against chrony's own correction",
    "offsets": "percentiles of the clock's offset over time, from tracking.log",
    "adev": "overlapping Allan deviation with confidence intervals",
    "spectrum": "power spectral density of fractional frequency",
    "temperature": "the TCXO's frequency against the board's temperature, ageing taken out, with its slope",
    "phase": "time error of each clock, its mean rate taken out",
    "gpsp": "GPS time as chrony got it (install --phase), and the kernel's PPS against it, from refclocks.log",
    "heat": "the Pi as an oven: temperature, burning, frequency before and after, slope (from --heat)",
}
NEEDS_ROWS = {"tempcomp"}
"""Kinds that replay the capture, unless chrony's logs stand in."""
NEEDS_CAPTURE = {"channels", "adev", "spectrum", "temperature", "phase"}


def draw(kind: str, data: Any) -> Any:
    """The figure of one kind. Raises DataError when the data hold nothing to draw."""
    from . import chrony, frequency, gpsp, heat, stability, temperature

    drawers: dict[str, Callable[[Any], Any]] = {
        "channels": frequency.channels,
        "tempcomp": chrony.tempcomp,
        "offsets": chrony.offsets,
        "adev": stability.adev,
        "spectrum": stability.spectrum,
        "temperature": temperature.temperature,
        "phase": frequency.phase,
        "gpsp": gpsp.gpsp,
        "heat": heat.heat,
    }
    return drawers[kind](data)
