"""chrony's measurements.log: what each NTP server said of the system clock. Pure but for ``read_measurements``.

The format is the same from chrony 3.5 to 4.8 (``ntp_core.c``; chrony.conf(5), ``log rawmeasurements``), one line::

    2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01
      7.446e-03 CB00717B 4B D K
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from .log_rows import NUMBER, BadLines, Row, matching_rows, rows_of_files
from .row_table import RowTable

__all__ = ["Measurements", "MeasurementsLog", "parse_measurements", "read_measurements"]

Floats = npt.NDArray[np.float64]

_ROW = re.compile(
    r"(?P<address>\S+) +[N+?-] +(?P<stratum>\d+) (?P<tests>[01]{3} [01]{3} [01]{4}) +-?\d+ +-?\d+ +-?\d+\.\d+"
    rf"(?P<offset>{NUMBER})(?P<delay>{NUMBER})(?P<dispersion>{NUMBER})"
    rf"(?P<root_delay>{NUMBER})(?P<root_dispersion>{NUMBER})"
    r" [0-9A-F]{8} \d[IB] (?P<sent>[DKH]) (?P<received>[DKH])"
)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What one server said, in order of time; arrays of equal length.

    ``utc_s``: system time of the measurement, Unix time, whole seconds. ``offset_s``: how far the system clock was
    **slow** of the server (server's time minus system time). ``delay_s`` and ``dispersion_s``: of the way to the
    server; ``root_delay_s`` and ``root_dispersion_s``: those that the server reports of itself. ``passed``: all of
    chrony's tests (only a log of ``rawmeasurements`` has others). ``hardware``: the network card took both times.
    """

    utc_s: Floats
    offset_s: Floats
    delay_s: Floats
    dispersion_s: Floats
    root_delay_s: Floats
    root_dispersion_s: Floats
    stratum: Floats
    passed: npt.NDArray[np.bool_]
    hardware: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MeasurementsLog:
    """The servers by address as printed, and bad lines."""

    servers: dict[str, Measurements]
    bad: BadLines = field(default_factory=BadLines)


def read_measurements(paths: Iterable[str]) -> MeasurementsLog:
    """The log in one or more files, in any order: also rotated and compressed ones, or ``-`` for stdin.

    Raises DataError when a file cannot be read or none has a usable line.
    """
    named, bad = list(paths), BadLines()
    return _log(rows_of_files(named, _ROW, bad), bad, ", ".join(named))


def parse_measurements(lines: Iterable[str], where: str = "measurements.log") -> MeasurementsLog:
    """Lines understood. Raises DataError when there is no usable line."""
    bad = BadLines()
    return _log(matching_rows(lines, where, _ROW, bad), bad, where)


def _log(found: Iterable[Row], bad: BadLines, where: str) -> MeasurementsLog:
    names = ("offset", "delay", "dispersion", "root_delay", "root_dispersion", "stratum")
    rows: dict[str, RowTable] = {}
    for utc_s, match in found:
        passed = "0" not in match["tests"]
        hardware = match["sent"] == match["received"] == "H"
        row = utc_s, *(float(match[name]) for name in names), float(passed), float(hardware)
        if match["address"] not in rows:
            rows[match["address"]] = RowTable(len(row))
        rows[match["address"]].add(row)
    if not rows:
        raise DataError(
            f"{where}: no line of a chrony measurements.log in it ('log measurements' in chrony.conf makes one)"
        )
    return MeasurementsLog({address: _server(each) for address, each in rows.items()}, bad)


def _server(rows: RowTable) -> Measurements:
    utc_s, *middle, passed, hardware = rows.columns(sort=True)
    offset_s, delay_s, dispersion_s, root_delay_s, root_dispersion_s, stratum = middle
    return Measurements(
        *(utc_s, offset_s, delay_s, dispersion_s, root_delay_s, root_dispersion_s, stratum),
        passed=passed > 0,
        hardware=hardware > 0,
    )
