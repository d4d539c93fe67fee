"""What the oven says of itself: the status file's values, lines for people, metrics. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from .averages import Row
from .learn.curve import CurveFit
from .oven.oven import Command
from .oven.set_point import Choice, Reach

__all__ = [
    "LATE_S",
    "WATTS_PER_CORE",
    "curve_lines",
    "curve_values",
    "metrics_text",
    "status_lines",
    "status_values",
    "yearly_kwh",
]

WATTS_PER_CORE = 1.1
"""About: three burning cores were measured to take 3 to 4 W ("World's most stable Raspberry Pi")."""
_HOURS_A_YEAR = 8766.0
_REACHED_K = 0.5
STATUS_VERSION = 1
LATE_S = 60.0
"""A row comes each ten seconds: an older status is of a run that has ended."""


def yearly_kwh(watts: float) -> float:
    """Kilowatt hours a year at so many watts."""
    return watts * _HOURS_A_YEAR / 1000.0


class Tally:
    """Means and spreads of a run's rows, without those on the way to the first set-point."""

    def __init__(self) -> None:
        self._begun_s: float | None = None
        self._celsius, self._ppm, self._burn = _Spread(), _Spread(), _Spread()
        self._hours = 0.0

    def add(self, row: Row) -> None:
        """The next row."""
        if self._begun_s is None:
            if row.set_point_c is not None and abs(row.celsius - row.set_point_c) > _REACHED_K:
                return
            self._begun_s = row.t_s
        self._hours = (row.t_s - self._begun_s) / 3600.0
        self._celsius.add(row.celsius)
        self._burn.add(row.burn_cores)
        if row.ppm is not None:
            self._ppm.add(row.ppm)

    def values(self) -> dict[str, Any]:
        """For the status; None where there is nothing yet."""
        watts = self._burn.mean * WATTS_PER_CORE
        return {
            "hours": round(self._hours, 2),
            "temperature_std_k": self._celsius.std(),
            "ppm_std": self._ppm.std(),
            "mean_burn_cores": round(self._burn.mean, 3),
            "watts": round(watts, 2),
            "kwh_a_year": round(yearly_kwh(watts)),
        }


class _Spread:
    """Welford's running mean and variance."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self._squares += before * (value - self.mean)

    def std(self) -> float | None:
        return round(math.sqrt(self._squares / self.count), 6) if self.count > 1 else None


def status_values(mode: str, row: Row, tally: Tally, command: Command, utc_s: float) -> dict[str, Any]:
    """After ``row``, with the command that holds now."""
    return {
        "version": STATUS_VERSION,
        "mode": mode,
        "stop": command.stop,
        "utc_s": utc_s,
        "temperature_c": row.celsius,
        "set_point_c": row.set_point_c,
        "saturated": command.saturated,
        "burn_cores": row.burn_cores,
        "work_cores": row.work_cores,
        "ppm": row.ppm,
        "slope_ppm_per_k": row.slope_ppm_per_k,
        **tally.values(),
    }


def status_lines(values: Mapping[str, Any], age_s: float) -> Iterator[tuple[str, str]]:
    """Label and text. Raises KeyError or TypeError for what is no status."""
    if values["stop"]:
        yield "state", f"stopped: {values['stop']}"
    else:
        yield "state", values["mode"] if age_s < LATE_S else f"none: {values['mode']} ended {_ago(age_s)} ago"
    point = values["set_point_c"]
    aim = "" if point is None else f", set-point {point:.1f} °C"
    held = {
        "full": "; all cores burn, and it is not enough",
        "idle": "; warmer than that without burning",
        "": "",
    }
    spread = values["temperature_std_k"]
    steady = "" if spread is None else f", std {spread:.3f} K in {values['hours']:.1f} h"
    yield "CPU", f"{values['temperature_c']:.1f} °C{aim}{steady}{held[values['saturated']]}"
    yield "burning", f"{values['burn_cores']:.2f} cores beside {values['work_cores']:.2f} that work"
    yield "cost", f"about {values['watts']:.1f} W, {values['kwh_a_year']:.0f} kWh a year"
    if values["ppm"] is None:
        yield "crystal", "no frequency: the daemon does not run or does not track"
    else:
        std = values["ppm_std"]
        yield "crystal", f"{values['ppm']:+.4f} ppm" + ("" if std is None else f", std {std:.4f} ppm")
    if values["slope_ppm_per_k"] is not None:
        yield "slope", f"{values['slope_ppm_per_k']:+.4f} ppm/K, measured at the set-point"


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600.0 else f"{seconds / 3600.0:.1f} h"


def curve_values(fit: CurveFit, reach: Reach, choice: Choice) -> dict[str, Any]:
    """What is kept of a curve, as JSON-able values."""
    turnover = fit.turnover
    return {
        "centre_c": fit.centre_c,
        "coefficients": list(fit.coefficients),
        "lag_s": fit.lag_s,
        "lag_sigma_s": fit.lag_sigma_s,
        "ageing_ppm_per_day": fit.ageing_ppm_per_day,
        "residual_ppm": fit.residual_ppm,
        "seen_c": [fit.low_c, fit.high_c],
        "turnover_c": turnover.celsius if turnover else None,
        "turnover_95_c": [turnover.low_c, turnover.high_c] if turnover else None,
        "turnover_ppm_per_k2": turnover.ppm_per_k2 if turnover else None,
        "why_no_turnover": fit.why_not,
        "free_high_c": reach.free_high_c,
        "burn_high_c": reach.burn_high_c,
        "set_point_c": choice.celsius,
        "set_point_why": choice.why,
        "at_turnover": choice.at_turnover,
        "bounds_c": [choice.low_c, choice.high_c],
    }


def curve_lines(fit: CurveFit, choice: Choice) -> Iterator[tuple[str, str]]:
    """Label and text of what was learned."""
    shape = "cubic" if len(fit.coefficients) > 3 else "parabola"
    yield (
        "curve",
        f"{shape}, {fit.low_c:.1f} to {fit.high_c:.1f} °C, residual {fit.residual_ppm * 1e3:.1f} ppb",
    )
    yield "lag", f"{fit.lag_s:.0f} ± {fit.lag_sigma_s:.0f} s behind the CPU"
    for celsius in range(math.ceil(fit.low_c / 5.0) * 5, math.floor(fit.high_c) + 1, 5):
        slope, sigma = fit.slope(celsius)
        yield "slope", f"{celsius} °C: {slope:+.4f} ± {sigma:.4f} ppm/K"
    t = fit.turnover
    told = f"{t.celsius:.1f} °C, 95 %: {t.low_c:.1f} to {t.high_c:.1f} °C" if t else fit.why_not
    yield "turnover", told
    yield "set-point", choice.why if choice.celsius is None else f"{choice.celsius:.1f} °C: {choice.why}"


_METRICS = {
    "tcxo_heat_temperature_celsius": ("temperature_c", "The CPU's temperature, mean of ten seconds."),
    "tcxo_heat_set_point_celsius": ("set_point_c", "Where it is held."),
    "tcxo_heat_burn_cores": ("burn_cores", "Cores that burn."),
    "tcxo_heat_work_cores": ("work_cores", "Cores that other programs use."),
    "tcxo_heat_slope_ppms_per_kelvin": (
        "slope_ppm_per_k",
        "The crystal's slope at the set-point, as measured.",
    ),
    "tcxo_heat_watts": ("watts", "About what burning costs, mean of a day."),
    "tcxo_heat_status_timestamp_seconds": ("utc_s", "When this was written."),
}


def metrics_text(values: Mapping[str, Any]) -> str:
    """A status in Prometheus' text format, for node_exporter's textfile collector."""
    lines = []
    for name, (key, told) in _METRICS.items():
        if values[key] is not None:
            lines += [f"# HELP {name} {told}", f"# TYPE {name} gauge", f"{name} {float(values[key])!r}"]
    stopped = int(bool(values["stop"]))
    lines += [
        "# HELP tcxo_heat_stopped Whether burning was stopped for safety.",
        "# TYPE tcxo_heat_stopped gauge",
    ]
    return "\n".join([*lines, f"tcxo_heat_stopped {stopped}", ""])
