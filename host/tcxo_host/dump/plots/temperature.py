"""The TCXO against its temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.session_columns import Session
from ...errors import DataError
from ...estimate.kalman.learn.temperature import SAMPLE_S
from ..analyse.series import frequency_ppm, session_series
from ..analyse.temperature_fit import TemperatureFit, fit_temperature
from .data import PlotData
from .style import COLOURS, figure, legend

__all__ = ["samples", "slope_in_words", "temperature"]

Floats = npt.NDArray[np.float64]


def temperature(data: PlotData) -> Any:
    """64 s averages against the board's temperature, ageing taken out, with the line through them and its sigma."""
    assert data.capture is not None
    parts = [samples(session) for session in data.capture.sessions]
    if not parts or sum(part[0].size for part in parts) < 3:
        raise DataError(
            "temperature: the capture has no GPS with board temperatures (or less than four minutes)"
        )
    utc_s, celsius, ppm = (np.concatenate([part[n] for part in parts]) for n in range(3))
    found = fit_temperature(celsius, ppm * 1e3)
    taken_out = ", ageing taken out" if found is not None else ""
    made, (axes,) = figure(f"TCXO against board temperature{taken_out}{data.title}", height=5.0)
    level_ppb = float(np.mean(ppm)) * 1e3 if found is None else found.level_ppb
    ppb = ppm * 1e3 - level_ppb - (0.0 if found is None else found.ageing_ppb)
    hours = (utc_s - utc_s[0]) / 3600
    points = axes.scatter(
        celsius, ppb, c=hours, s=10, cmap="viridis", alpha=0.8, label=f"{SAMPLE_S:g} s averages"
    )
    made.colorbar(points, ax=axes, label="hours from the start", pad=0.01)
    if found is not None:
        _line(axes, found, celsius)
    else:
        axes.plot([], [], " ", label="not identifiable: few samples, or no change of temperature but a drift")
    axes.set_xlabel("board temperature, °C")
    axes.set_ylabel(f"TCXO less {level_ppb / 1e3:+.4f} ppm, ppb (+ is fast)")
    legend(axes)
    return made


def slope_in_words(found: TemperatureFit) -> str:
    """The slope with its sigma, and whether that tells anything."""
    figures = f"{found.slope_ppb_per_c:+.3g} ± {found.sigma_ppb_per_c:.2g} ppb/°C (sigma)"
    return figures if found.is_identifiable else f"not identifiable: {figures}"


def _line(axes: Any, found: TemperatureFit, celsius: Floats) -> None:
    """The line, and a band of two sigma with edges: it may be narrower than the line is thick."""
    grid = np.linspace(celsius.min(), celsius.max(), 50)
    from_centre = grid - found.centre_c
    middle = found.slope_ppb_per_c * from_centre
    half = 2.0 * found.sigma_ppb_per_c * np.abs(from_centre)
    colour = COLOURS["Pi"]
    axes.fill_between(
        grid, middle - half, middle + half, color=colour, alpha=0.3, linewidth=0, label="2 sigma"
    )
    for edge in (middle - half, middle + half):
        axes.plot(grid, edge, color=colour, linewidth=0.8, linestyle="--")
    axes.plot(grid, middle, color=colour, linewidth=1.6, label=slope_in_words(found))


def samples(session: Session) -> tuple[Floats, Floats, Floats]:
    """``(utc_s, celsius, ppm)``: independent averages of the TCXO and the temperature at their middle."""
    nothing = np.empty(0)
    series = session_series(session).get(Role.GPS_PPS.label)
    known = ~np.isnan(session.status.temperature_c)
    if series is None or not known.any():
        return nothing, nothing, nothing
    tick, ppm = frequency_ppm(series, SAMPLE_S)
    every = max(1, round(SAMPLE_S / series.interval_s))
    tick, ppm = tick[::every], ppm[::every]
    present = ~np.isnan(ppm)
    middle = tick[present] - SAMPLE_S / 2 * session.tick_hz
    status = session.status
    celsius = np.interp(middle, status.tick[known], status.temperature_c[known])
    return session.utc_of_tick(middle), celsius, ppm[present]
