"""Figures as text for a terminal: aligned columns, times, byte counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..cli.html_page import is_number

__all__ = ["duration", "table", "utc", "with_unit"]

_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows with the first as heading; numbers to the right, words to the left."""
    shown = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
    right = [all(is_number(row[column]) for row in shown[1:]) for column in range(len(widths))]
    lines = []
    for row in shown:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def utc(utc_s: float | None) -> str:
    """``2026-01-01 00:00:00Z``."""
    return "-" if utc_s is None else datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(seconds: float) -> str:
    """``1 d 02:03:04``, ``02:03:04`` or ``12.3 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    days, rest = divmod(round(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


def with_unit(value_s: float, half_s: float | None) -> str:
    """``+123.4 ± 5.6 ns``: seconds in the unit that fits, both with the digits that the smaller one deserves; without
    a sign where ``half_s`` is None: then the value is a size."""
    largest = max(abs(value_s), half_s or 0.0)
    factor, unit = next(
        ((factor, unit) for factor, unit in _UNITS if largest * factor >= 1.0 or factor == _UNITS[-1][0])
    )
    finest = (value_s if half_s is None or half_s == 0 else half_s) * factor
    digits = 0 if not finest else min(6, max(0, 1 - math.floor(math.log10(abs(finest)))))
    if half_s is None:
        return f"{abs(value_s) * factor:.{digits}f} {unit}"
    return f"{value_s * factor:+.{digits}f} ± {half_s * factor:.{digits}f} {unit}"
