"""chrony's statistics.log: what it makes of each source's measurements. Pure.

The form is the same from chrony 3.5 to 4.8 (``sourcestats.c``; chrony.conf(5), ``log statistics``)::

    2026-01-01 00:00:16 GPSP        1.110e-06 -4.2e-08  3.1e-07 -1.2e-09  2.9e-08 ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .log_rows import NUMBER, BadLines, matching_rows
from .row_table import RowTable

__all__ = ["Statistics", "parse_statistics"]

Floats = npt.NDArray[np.float64]

_ROW = re.compile(rf"(?P<source>\S+) +{NUMBER}{NUMBER}{NUMBER}(?P<residual>{NUMBER})(?P<skew>{NUMBER}) .*")


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one source, in order of the lines. ``residual_ppm``: its frequency against the system clock's as it is
    corrected; ``skew_ppm``: how well that is known."""

    utc_s: Floats
    residual_ppm: Floats
    skew_ppm: Floats


def parse_statistics(lines: Iterable[str], where: str, bad: BadLines) -> dict[str, Statistics]:
    """By source (address or reference ID); nothing where there is no line."""
    rows: dict[str, RowTable] = {}
    for utc_s, match in matching_rows(lines, where, _ROW, bad):
        if match["source"] not in rows:
            rows[match["source"]] = RowTable(3)
        rows[match["source"]].add((utc_s, float(match["residual"]) * 1e6, float(match["skew"]) * 1e6))
    return {source: Statistics(*each.columns()) for source, each in rows.items()}
