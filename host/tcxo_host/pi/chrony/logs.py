"""chrony's tracking.log and tempcomp.log, and a table from them. Pure but for ``read_lines``.

The table is that of Dan Drown's "Frequency synchronization without phase in NTP".
"""

from __future__ import annotations

import calendar
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...capture.compress import make_decompressor
from ...errors import DataError
from .row_table import RowTable

__all__ = [
    "Tempcomp",
    "Tracking",
    "chrony_stats",
    "iter_lines",
    "parse_tempcomp",
    "parse_tracking",
    "read_lines",
]

_CHUNK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20

Floats = npt.NDArray[np.float64]

WITH_S = 30.0
"""A clock offset counts as measured with compensation when tempcomp.log has a line this near."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """tracking.log: the clock's frequency error as chrony knows it, tempcomp's share apart (ppm, + where the clock
    would run fast), and its estimate of the clock's offset (s, + where it is fast)."""

    utc_s: Floats
    freq_ppm: Floats
    offset_s: Floats
    skipped: int

    @property
    def correction_ppm(self) -> Floats:
        """What chrony adds by itself to the clock's rate: + makes it faster, as with tempcomp."""
        return -self.freq_ppm


@dataclass(frozen=True, slots=True)
class Tempcomp:
    """tempcomp.log: what chrony read, and the compensation it made of it (ppm)."""

    utc_s: Floats
    value: Floats
    ppm: Floats
    skipped: int


def read_lines(path: str) -> list[str]:
    """The lines of a log, also of a rotated ``.gz``. Raises DataError."""
    return list(iter_lines(path))


def iter_lines(path: str) -> Iterator[str]:
    """The lines of a text file, also of a compressed one, or of stdin (``-``). Raises DataError."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            data = file.read(_CHUNK_BYTES)
            decompressor = make_decompressor(data)
            rest = b""
            while data:
                for piece in decompressor.decompress(data):
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        yield line.decode("utf8", "replace").rstrip("\r")
                    if len(rest) > _LONGEST_LINE:
                        raise DataError(f"a line of more than {_LONGEST_LINE} bytes: is it a text file?")
                data = file.read(_CHUNK_BYTES)
            if rest:
                yield rest.decode("utf8", "replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def parse_tracking(lines: Iterable[str], where: str = "tracking.log") -> Tracking:
    """Lines ``date time address stratum freq skew offset leap...``; banners and blank lines are skipped.

    Raises DataError when there is no usable line.
    """
    rows, skipped = _rows(lines, (4, 6), 7)
    if not rows:
        raise DataError(
            f"{where}: no line of a chrony tracking.log in it ('log tracking' in chrony.conf makes one)"
        )
    utc_s, freq_ppm, offset_s = rows.columns()
    return Tracking(utc_s, freq_ppm, offset_s, skipped)


def parse_tempcomp(lines: Iterable[str], where: str = "tempcomp.log") -> Tempcomp:
    """Lines ``date time value compensation``. Raises DataError when there is no usable line."""
    rows, skipped = _rows(lines, (2, 3), 4)
    if not rows:
        raise DataError(
            f"{where}: no line of a chrony tempcomp.log in it ('log tempcomp' in chrony.conf makes one)"
        )
    utc_s, value, ppm = rows.columns()
    return Tempcomp(utc_s, value, ppm, skipped)


def chrony_stats(
    tracking: Tracking | None, tempcomp: Tempcomp | None, without: Tracking | None
) -> dict[str, Any]:
    """The article's table: both frequency corrections (+ makes the clock faster, so that they can be compared and
    added), and the offsets with and without compensation.

    Without a second log (``without``), the parts of tracking.log far from any tempcomp line serve.
    """
    result: dict[str, Any] = {}
    if tracking is not None:
        used = np.ones(tracking.utc_s.size, bool)
        if tempcomp is not None:
            used = _near(tracking.utc_s, tempcomp.utc_s)
        own_ppm = tracking.correction_ppm
        result["own_correction_ppm"] = _table(own_ppm[used] if used.any() else own_ppm)
        offsets_without = without.offset_s if without is not None else tracking.offset_s[~used]
        result["offset_ns"] = {
            "with": _offsets(tracking.offset_s[used]),
            "without": _offsets(offsets_without),
        }
    if tempcomp is not None:
        result["tempcomp_ppm"] = _table(tempcomp.ppm)
    return result


def _rows(lines: Iterable[str], columns: tuple[int, int], least: int) -> tuple[RowTable, int]:
    rows = RowTable(3)
    skipped = 0
    for line in lines:
        parts = line.split()
        if not parts or parts[0].startswith("=") or parts[0] == "Date":
            continue
        try:
            if len(parts) < least:
                raise ValueError
            moment = calendar.timegm(time.strptime(f"{parts[0]} {parts[1]}", "%Y-%m-%d %H:%M:%S"))
            row = float(moment), float(parts[columns[0]]), float(parts[columns[1]])
            if not all(map(math.isfinite, row)):
                raise ValueError
            rows.add(row)
        except ValueError:
            skipped += 1
    return rows, skipped


def _near(times: Floats, marks: Floats) -> npt.NDArray[np.bool_]:
    marks = np.sort(marks)
    after = np.clip(np.searchsorted(marks, times), 0, marks.size - 1)
    before = np.clip(after - 1, 0, marks.size - 1)
    return np.asarray(np.minimum(np.abs(times - marks[after]), np.abs(times - marks[before])) <= WITH_S)


def _table(values: Floats) -> dict[str, float]:
    return {
        "n": int(values.size),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def _offsets(offset_s: Floats) -> dict[str, float] | None:
    if offset_s.size == 0:
        return None
    marks = (1, 25, 50, 75, 99)
    values = np.percentile(offset_s * 1e9, marks)
    return {"n": int(offset_s.size), **{f"p{mark}": float(v) for mark, v in zip(marks, values, strict=True)}}
