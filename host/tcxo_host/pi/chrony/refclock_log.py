"""chrony's refclocks.log: what each reference clock said of the system clock. Pure but for ``read_refclocks``.

The format is the same from chrony 3.5 to 4.8 (``log_sample`` in ``refclock.c``; chrony.conf(5), ``log refclocks``)::

    2009-11-30 14:33:27.000000 PPS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06     a sample
    2009-11-30 14:33:28.000000 PPS2    - N -       -       -6.750000e-07  1.000e-06     filtered, one a poll
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from .log_rows import NUMBER, BadLines, Row, matching_rows, rows_of_files
from .row_table import RowTable

__all__ = ["RefclockLog", "RefclockSeries", "parse_refclocks", "read_refclocks"]

Floats = npt.NDArray[np.float64]

_ROW = re.compile(
    r"(?P<refid>.{5}) "  # up to four characters, a blank may be among them, or none at all
    rf"(?: *\d+ [N+?-] (?P<pulse>[01])(?P<raw>{NUMBER})|  - [N+?-] -       -      )"
    rf"(?P<cooked>{NUMBER})(?P<dispersion>{NUMBER})"
)


@dataclass(frozen=True, slots=True)
class RefclockSeries:
    """What one reference clock said, in order of time; arrays of equal length.

    ``utc_s``: system time of the sample, Unix time (a float holds it to 0.24 us). ``offset_s``: how far the system
    clock was **slow** of the reference clock (true time minus system time), after chrony's corrections that are
    under way and the refclock's ``offset`` option. ``raw_offset_s``: the same as the driver gave it, before both; NaN
    in filtered lines. ``dispersion_s``: the bound that chrony assumes. ``pulse``: the sample only says where
    the second begins; False in filtered lines.
    """

    utc_s: Floats
    offset_s: Floats
    raw_offset_s: Floats
    dispersion_s: Floats
    pulse: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RefclockLog:
    """Both kinds of lines by reference ID (as printed, without trailing blanks, such as ``GPSP``), and bad lines.

    A reference clock with lines of one kind only is missing in the other.
    """

    samples: dict[str, RefclockSeries]
    filtered: dict[str, RefclockSeries]
    bad: BadLines = field(default_factory=BadLines)


def read_refclocks(paths: Iterable[str]) -> RefclockLog:
    """The log in one or more files, in any order: also rotated and compressed ones, or ``-`` for stdin.

    Raises DataError when a file cannot be read or none has a usable line.
    """
    named, bad = list(paths), BadLines()
    return _log(rows_of_files(named, _ROW, bad), bad, ", ".join(named))


def parse_refclocks(lines: Iterable[str], where: str = "refclocks.log") -> RefclockLog:
    """Lines understood. Raises DataError when there is no usable line."""
    bad = BadLines()
    return _log(matching_rows(lines, where, _ROW, bad), bad, where)


def _log(found: Iterable[Row], bad: BadLines, where: str) -> RefclockLog:
    rows: dict[bool, dict[str, RowTable]] = {True: {}, False: {}}
    for utc_s, match in found:
        is_filtered = match["raw"] is None
        raw_s = math.nan if is_filtered else float(match["raw"])
        row = utc_s, float(match["cooked"]), raw_s, float(match["dispersion"]), float(match["pulse"] or 0)
        refid = match["refid"].rstrip()
        if refid not in rows[is_filtered]:
            rows[is_filtered][refid] = RowTable(len(row))
        rows[is_filtered][refid].add(row)
    if not any(rows.values()):
        raise DataError(
            f"{where}: no line of a chrony refclocks.log in it ('log refclocks' in chrony.conf makes one)"
        )
    samples, filtered = (
        {refid: _series(each) for refid, each in rows[kind].items()} for kind in (False, True)
    )
    return RefclockLog(samples, filtered, bad)


def _series(rows: RowTable) -> RefclockSeries:
    utc_s, offset_s, raw_offset_s, dispersion_s, pulse = rows.columns(sort=True)
    return RefclockSeries(utc_s, offset_s, raw_offset_s, dispersion_s, pulse > 0)
