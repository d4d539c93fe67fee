"""Readings as averages of some seconds, for the record, the fit and the plot. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from reprlib import repr as short
from typing import Any

import numpy as np
import numpy.typing as npt

from .oven.reading import Reading, busy_cores

__all__ = ["ROW_S", "Averages", "Row", "columns", "row_of"]

ROW_S = 10.0
_MAY_BE_NONE = ("ppm", "set_point_c", "slope_ppm_per_k")
_MOST = {
    **{"t_s": 1e11, "utc_s": 1e11, "celsius": 200.0, "set_point_c": 200.0},
    **{"burn_cores": 1024.0, "work_cores": 1024.0, "ppm": 1000.0, "slope_ppm_per_k": 1000.0},
}
"""No row of ours has more of anything."""


@dataclass(frozen=True, slots=True)
class Row:
    """Means over ``ROW_S``. ``ppm`` is None where nothing was measured, ``slope_ppm_per_k`` unless one is known.

    ``t_s`` is that of the readings, ``utc_s`` the wall clock's at the row's end, seconds since 1970.
    """

    t_s: float
    utc_s: float
    celsius: float
    burn_cores: float
    work_cores: float
    ppm: float | None
    set_point_c: float | None = None
    slope_ppm_per_k: float | None = None
    mode: str = "hold"


class Averages:
    """Collects readings into rows."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._begun_s: float | None = None
        self._celsius: list[float] = []
        self._burned: list[float] = []
        self._work: list[float] = []
        self._ppm: list[float] = []

    def add(
        self, reading: Reading, utc_s: float, set_point_c: float | None = None, slope: float | None = None
    ) -> Row | None:
        """Another reading; the row that it ends, if it does."""
        if self._begun_s is None:
            self._begun_s = reading.t_s
        if reading.temperature_c is not None:
            self._celsius.append(reading.temperature_c)
        self._burned.append(busy_cores(reading.burned))
        self._work.append(busy_cores(reading.work))
        if reading.ppm is not None:
            self._ppm.append(reading.ppm)
        if reading.t_s - self._begun_s < ROW_S:
            return None
        row = None
        if self._celsius:
            row = Row(
                t_s=round((self._begun_s + reading.t_s) / 2, 2),
                utc_s=round(utc_s, 2),
                celsius=round(_mean(self._celsius), 4),
                burn_cores=round(_mean(self._burned), 4),
                work_cores=round(_mean(self._work), 4),
                ppm=round(_mean(self._ppm), 6) if self._ppm else None,
                set_point_c=None if set_point_c is None else round(set_point_c, 3),
                slope_ppm_per_k=None if slope is None else round(slope, 6),
                mode=self._mode,
            )
        self._begun_s = reading.t_s
        for each in (self._celsius, self._burned, self._work, self._ppm):
            each.clear()
        return row


def row_of(values: Mapping[str, Any]) -> Row:
    """A row from what ``dataclasses.asdict`` made of one. Raises ValueError for anything else."""
    try:
        row = Row(**values)
    except TypeError:
        raise ValueError("not a row of the oven's record") from None
    for each in fields(Row):
        value = getattr(row, each.name)
        if each.name == "mode":
            good = isinstance(value, str)
        elif value is None:
            good = each.name in _MAY_BE_NONE
        else:
            good = type(value) in (int, float) and abs(value) <= _MOST[each.name]
        if not good:
            raise ValueError(f"{each.name} cannot be {short(value)}")
    return row


def columns(rows: Iterable[Row]) -> dict[str, npt.NDArray[np.float64]]:
    """Every field but the mode as an array, None as NaN."""
    listed = [asdict(row) for row in rows]
    names = [each.name for each in fields(Row) if each.name != "mode"]
    return {
        name: np.array([math.nan if row[name] is None else row[name] for row in listed], float)
        for name in names
    }


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
