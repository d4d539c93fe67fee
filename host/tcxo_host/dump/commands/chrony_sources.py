"""chrony's refclocks.log and measurements.log as named on a command line, told apart by their content."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...pi.chrony.measurements_log import MeasurementsLog
    from ...pi.chrony.refclock_log import RefclockLog
    from ..analyse.two_sources import Source
    from ..progress import Progress

__all__ = ["read_sources"]

_LOOKED_AT = 200
"""Lines of a file from which its kind is told: banners come every 32."""
_LINES_AT_ONCE = 10_000


def read_sources(
    paths: Sequence[str], *, raw: bool, last_s: float | None, progress: Progress
) -> tuple[dict[str, Source], list[str]]:
    """``(sources by name, what could not be read)``; ``last_s``: only so long before the newest sample of all.

    Raises DataError where no file has a line of these logs.
    """
    from ...errors import DataError
    from ..analyse.compare import sources_of_logs

    refclocks: list[RefclockLog] = []
    servers: list[MeasurementsLog] = []
    problems: list[str] = []
    for path in paths:
        _read(path, refclocks, servers, problems, progress)
    if not refclocks and not servers:
        raise DataError(
            "; ".join(problems)
            or f"{', '.join(paths)}: empty: 'log refclocks measurements' in chrony.conf makes these logs"
        )
    sources = sources_of_logs(refclocks, servers, raw=raw)
    if last_s is not None and sources:
        since_s = max(float(each.utc_s[-1]) for each in sources.values()) - last_s
        sources = {name: _since(each, since_s) for name, each in sources.items()}
    return sources, problems


def _read(
    path: str,
    refclocks: list[RefclockLog],
    servers: list[MeasurementsLog],
    problems: list[str],
    progress: Progress,
) -> None:
    """Add what one file has, whichever log it is; a file that ends damaged is used so far."""
    from ...pi.chrony.logs import iter_lines
    from ...pi.chrony.measurements_log import parse_measurements
    from ...pi.chrony.refclock_log import parse_refclocks

    lines = _until_damaged(iter_lines(path), problems, progress)
    head = list(itertools.islice(lines, _LOOKED_AT))
    whole = itertools.chain(head, lines)
    log: RefclockLog | MeasurementsLog
    if _fits(parse_refclocks, head):
        refclocks.append(log := parse_refclocks(whole, path))
    elif _fits(parse_measurements, head):
        servers.append(log := parse_measurements(whole, path))
    else:
        if any(line.strip() for line in head):  # an empty one is what logrotate leaves
            problems.append(
                f"{path}: no line of a chrony refclocks.log or measurements.log in it"
                " ('log refclocks measurements' in chrony.conf makes them)"
            )
        return
    if log.bad.count:
        problems.append(
            f"{log.bad.count} bad {'line' if log.bad.count == 1 else 'lines'} left out, the first is {log.bad.first}"
        )


def _fits(parse: Callable[[Iterable[str]], Any], head: list[str]) -> bool:
    from ...errors import DataError

    try:
        parse(head)
    except DataError:
        return False
    return True


def _until_damaged(lines: Iterator[str], problems: list[str], progress: Progress) -> Iterator[str]:
    from ...errors import DataError

    try:
        for number, line in enumerate(lines):
            if number % _LINES_AT_ONCE == _LINES_AT_ONCE - 1:
                progress.busy()
            yield line
    except DataError as error:
        problems.append(str(error))


def _since(source: Source, since_s: float) -> Source:
    recent = source.utc_s >= since_s
    return replace(source, utc_s=source.utc_s[recent], offset_s=source.offset_s[recent])
