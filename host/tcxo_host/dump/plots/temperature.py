"""The TCXO against its temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.session_columns import Session
from ...errors import DataError
from ...estimate.kalman.learn.temperature import SAMPLE_S, TemperatureModel
from ..analyse.series import frequency_ppm, session_series
from .data import PlotData
from .style import COLOURS, figure, legend

__all__ = ["samples", "temperature"]

Floats = npt.NDArray[np.float64]

GPS_NOISE_S = 20e-9
"""What an average is off by at either end; sets how fast the model learns, not what."""
TCXO_WALK_PPB = 0.02


def temperature(data: PlotData) -> Any:
    """64 s averages against the board's temperature, coloured by age, and the estimator's model of them."""
    assert data.capture is not None
    parts = [samples(session) for session in data.capture.sessions]
    if not parts or sum(part[0].size for part in parts) < 3:
        raise DataError(
            "temperature: the capture has no GPS with board temperatures (or less than four minutes)"
        )
    utc_s, celsius, ppm = (np.concatenate([part[n] for part in parts]) for n in range(3))
    made, (axes,) = figure(f"TCXO against board temperature{data.title}", height=5.0)
    hours = (utc_s - utc_s[0]) / 3600
    points = axes.scatter(
        celsius, ppm, c=hours, s=10, cmap="viridis", alpha=0.8, label=f"{SAMPLE_S:g} s averages"
    )
    made.colorbar(points, ax=axes, label="hours from the start", pad=0.01)
    grid = np.linspace(celsius.min(), celsius.max(), 100)
    if np.ptp(celsius) > 0.05:
        model, spread = _learned(celsius, ppm, grid)
        label = "learned model, ± its sigma"
        axes.plot(grid, model, color=COLOURS["Pi"], linewidth=1.6, label=label)
        axes.fill_between(grid, model - spread, model + spread, color=COLOURS["Pi"], alpha=0.2, linewidth=0)
        margin = max(0.15 * float(np.ptp(ppm)), 0.002)
        axes.set_ylim(ppm.min() - margin, ppm.max() + margin)
    axes.set_xlabel("board temperature, °C")
    axes.set_ylabel("TCXO frequency error, ppm (+ is fast)")
    legend(axes)
    return made


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


def _learned(celsius: Floats, ppm: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """The estimator's own model after these samples, ``(ppm, sigma)`` along ``grid``."""
    model = TemperatureModel()
    variance = 2 * (GPS_NOISE_S * 1e9 / SAMPLE_S) ** 2
    for degrees, value in zip(celsius.tolist(), ppm.tolist(), strict=True):
        model.measure(degrees, 10 * SAMPLE_S)
        model.learn(value * 1e3, variance, TCXO_WALK_PPB)
    centre = float(np.median(celsius))
    changes = [model.change(centre, each) for each in grid.tolist()]
    shape = np.array([change for change, _ in changes]) / 1e3
    # the constant term follows the ageing; for the picture it lies through the middle of all points
    level = float(np.median(ppm - np.interp(celsius, grid, shape)))
    return level + shape, np.sqrt([variance for _, variance in changes]) / 1e3
