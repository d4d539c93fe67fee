"""Lines that other counters print, as rows: CSV and TICC / TimeLab. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...errors import DataError

__all__ = ["Row", "csv_rows", "detect_format", "timelab_rows"]

_TIMELAB = re.compile(r"^\s*([+-]?\d+(?:\.\d*)?)\s+(?:ch)?([A-Za-z0-9_]+)\s*$")
_NUMBER = re.compile(r"^[+-]?\d+(\.\d*)?$")
_SEPARATOR = re.compile(r"[,;\t]")

Row = tuple[int, str, str, str, int, int]
"""Line number; ``ticks``, ``seconds`` or ``bad``; the value or what is wrong; channel; number or -1; flags."""


def detect_format(first_lines: Iterable[str]) -> str:
    """``jsonl``, ``timelab`` or ``csv``, by the first line that is not a comment."""
    for line in first_lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("{"):
            return "jsonl"
        return "timelab" if _TIMELAB.match(text) and "," not in text else "csv"
    return "csv"


def timelab_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Lines such as ``3.999672500 chC``; blank lines and ``#`` comments are left out."""
    for line_number, line in enumerate(lines, 1):
        found = _TIMELAB.match(line)
        if found:
            yield line_number, "seconds", found[1], found[2], -1, 0
        elif line.strip() and not line.lstrip().startswith("#"):
            yield line_number, "bad", f"{line.strip()[:40]!r} is not a time and a channel", "", -1, 0


def csv_rows(lines: Iterable[str], where: str) -> Iterator[Row]:
    """Cells between commas, semicolons or tabs, in the order of a heading or of the first row.

    Raises DataError when the first row tells no order.
    """
    order: dict[str, int] = {}
    for line_number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        cells = [cell.strip(' "') for cell in _SEPARATOR.split(text)]
        if not order:
            header = _header(cells)
            order = header or _guess(cells, where, line_number)
            kind = "seconds" if "seconds" in order else "ticks"
            at_value, at_channel = order[kind], order["channel"]
            at_number, at_flags = order.get("number"), order.get("flags")
            if header:
                continue
        try:
            value, channel = cells[at_value], cells[at_channel]
            if not _NUMBER.match(value) or not channel:
                raise ValueError
            number = -1 if at_number is None else int(cells[at_number])
            flags = 0 if at_flags is None else int(cells[at_flags])
        except (ValueError, IndexError):
            yield line_number, "bad", f"{text[:40]!r} is not an edge", "", -1, 0
        else:
            yield line_number, kind, value, channel, number, flags


_HEADINGS = {
    "channel": "channel", "chan": "channel", "ch": "channel", "role": "channel",
    "ticks": "ticks", "tick": "ticks", "count": "ticks",
    "seconds": "seconds", "second": "seconds", "time": "seconds", "time_s": "seconds", "timestamp": "seconds",
    "number": "number", "flags": "flags",
}  # fmt: skip


def _header(cells: list[str]) -> dict[str, int] | None:
    found = {_HEADINGS[cell.lower()]: index for index, cell in enumerate(cells) if cell.lower() in _HEADINGS}
    return found if "channel" in found and {"ticks", "seconds"} & set(found) else None


def _guess(cells: list[str], where: str, line_number: int) -> dict[str, int]:
    """Without a heading: ``channel,ticks``, or ``seconds,channel`` when one cell has a decimal point."""
    if len(cells) >= 2:
        first, second = cells[0], cells[1]
        if "." in first and _NUMBER.match(first):
            return {"seconds": 0, "channel": 1}
        if "." in second and _NUMBER.match(second):
            return {"channel": 0, "seconds": 1}
        if _NUMBER.match(second):
            return {"channel": 0, "ticks": 1}
        if _NUMBER.match(first):
            return {"ticks": 0, "channel": 1}
    raise DataError(
        f"{where}: line {line_number}: expected channel,ticks or seconds,channel, found {','.join(cells)[:40]!r}"
    )
