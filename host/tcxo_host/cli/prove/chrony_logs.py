"""chrony's logs of the time of a comparison, rotated ones too, as series to compare."""

from __future__ import annotations

import glob
import os
from collections import Counter
from itertools import chain

import numpy as np

from ...errors import DataError, UnavailableError
from ...pi.chrony.config import directives, main_file
from ...pi.chrony.log_rows import BadLines
from ...pi.chrony.logs import iter_lines, parse_tracking
from ...pi.chrony.refclock_log import read_refclocks
from ...pi.chrony.statistics_log import parse_statistics
from ...pi.root import Root
from .effect import Series

__all__ = ["log_folder", "read_series"]

_USUAL = "/var/log/chrony"


def log_folder(root: Root, given: str | None) -> str:
    """Where chrony's logs are: as ``given``, else as its configuration says. Raises UnavailableError
    without a tracking.log."""
    folder = given
    if folder is None:
        main = main_file(root)
        lines = (
            [each for each in directives(root, main) if each.name == "logdir" and each.words] if main else []
        )
        folder = lines[-1].words[0] if lines else _USUAL
    path = f"{folder}/tracking.log"
    if not os.access(path, os.R_OK):
        problem = "cannot be read: run this with sudo" if os.path.exists(path) else "is not there"
        raise UnavailableError(
            f"{path} {problem}",
            "in /etc/chrony/conf.d/log.conf: log tracking statistics refclocks; then sudo systemctl restart chrony",
        )
    return folder


def read_series(folder: str, since_utc_s: float) -> list[Series]:
    """The clock's offset first, then what the other logs have. Raises DataError when tracking.log has nothing."""
    tracking_files = _files(folder, "tracking", since_utc_s)
    lines = list(chain.from_iterable(iter_lines(each) for each in tracking_files))
    tracking = parse_tracking(lines, f"{folder}/tracking.log")
    found = [Series("clock offset", "ns", tracking.utc_s, tracking.offset_s * 1e9)]
    sources = Counter(line.split()[2] for line in lines if line[:1].isdigit() and len(line.split()) > 6)
    bad = BadLines()
    paths = _files(folder, "statistics", since_utc_s)
    statistics = parse_statistics(chain.from_iterable(map(iter_lines, paths)), "statistics.log", bad)
    for source, _ in sources.most_common(1):
        if source in statistics:
            each = statistics[source]
            found.append(Series("residual frequency", "ppb", each.utc_s, each.residual_ppm * 1e3))
            found.append(Series("skew", "ppb", each.utc_s, each.skew_ppm * 1e3))
    return found + _refclocks(_files(folder, "refclocks", since_utc_s))


def _refclocks(paths: list[str]) -> list[Series]:
    if not paths:
        return []
    try:
        log = read_refclocks(paths)
    except DataError:
        return []  # an empty log beside a good tracking.log
    return [
        Series(f"refclock {refid}", "ns", each.utc_s, np.asarray(each.offset_s) * 1e9, centred=True)
        for refid, each in sorted(log.samples.items())
    ]


def _files(folder: str, name: str, since_utc_s: float) -> list[str]:
    """The log and its rotated ones that were written since then, the oldest first."""
    paths = [each for each in glob.glob(f"{glob.escape(folder)}/{name}.log*") if os.path.isfile(each)]
    return sorted((each for each in paths if os.path.getmtime(each) >= since_utc_s), key=os.path.getmtime)
