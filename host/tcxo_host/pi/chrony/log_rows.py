"""Lines of chrony's logs: which are banners, which are bad, and the time of each. Pure but for ``rows_of_files``.

The form is the same from chrony 3.5 to 4.8 (``logging.c``, ``UTI_TimeToLogForm`` in ``util.c``): a banner of three
lines, then lines that begin with ``YYYY-MM-DD HH:MM:SS`` in UTC.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .logs import iter_lines

__all__ = ["NUMBER", "BadLines", "Row", "matching_rows", "rows_of_files"]

Row = tuple[float, re.Match[str]]
"""Unix time of a line, s, and what stands behind the time, matched."""

NUMBER = r" +-?\d\.\d+e[+-]\d\d\d?"
"""A number as chrony's ``%e`` writes it, with the spaces before it; not ``nan`` or ``inf``."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d(?:\.\d{6})?) (.*)", re.DOTALL)
_SHOWN_CHARACTERS = 60


@dataclass(slots=True)
class BadLines:
    """Lines that are neither banner nor empty and that chrony cannot have written so: torn, or of another file.

    ``count``: how many. ``first``: ``FILE: line NUMBER: 'TEXT'`` of the first, or empty.
    """

    count: int = 0
    first: str = ""

    def add(self, where: str, number: int, line: str) -> None:
        """Count a line of the file ``where``; ``number`` is from 1."""
        self.count += 1
        if not self.first:
            cut = line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "..."
            self.first = f"{where}: line {number}: {cut!r}"

    def problems(self) -> list[str]:
        """What a command tells its user: a sentence, or nothing."""
        lines = "1 line" if self.count == 1 else f"{self.count} lines"
        return [f"{lines} cannot be read, first {self.first}"] if self.count else []


def matching_rows(lines: Iterable[str], where: str, rest: re.Pattern[str], bad: BadLines) -> Iterator[Row]:
    """The row of each line whose text behind the time matches ``rest`` as a whole.

    As a float, today's Unix time is good to 0.24 us. Banners and empty lines are passed over,
    all others that do not match go to ``bad``.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("====") or line.lstrip().startswith("Date (UTC)"):
            continue
        time = _TIME.fullmatch(line)
        match = rest.fullmatch(time[5]) if time else None
        day_s = _day_s(time[1]) if time else None
        if time is None or match is None or day_s is None:
            bad.add(where, number, line)
            continue
        yield day_s + int(time[2]) * 3600 + int(time[3]) * 60 + float(time[4]), match


def rows_of_files(paths: Iterable[str], rest: re.Pattern[str], bad: BadLines) -> Iterator[Row]:
    """The same for files in turn, also rotated and compressed ones, or ``-`` for stdin. Raises DataError."""
    for path in paths:
        yield from matching_rows(iter_lines(path), path, rest, bad)


@functools.lru_cache(maxsize=8)
def _day_s(date: str) -> int | None:
    """Unix time at which ``YYYY-MM-DD`` begins; None for a day that does not exist."""
    try:
        day = datetime.date.fromisoformat(date)
    except ValueError:
        return None
    return (day.toordinal() - datetime.date(1970, 1, 1).toordinal()) * 86400
