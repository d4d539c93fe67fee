"""What chrony applies before this daemon has written anything: the file that is there, or nothing since the boot."""

from __future__ import annotations

import time
from pathlib import Path

from .. import tempcomp
from ..files import read_file
from ..publish.resume import Applied

__all__ = ["applied_now"]

CHRONY_STARTS_S = 20.0
"""About so long after the boot chronyd begins."""


def applied_now(
    path: Path, baseline_known: bool, chrony_is_synchronised: bool, seen_ppm: float | None = None
) -> Applied | None:
    """What chrony applies now, by the file at ``path`` and its age; None when nothing can be told.

    Without a file chrony has applied nothing since the boot, unless its own frequency shows that it applies
    ``seen_ppm``: then somebody deleted the file, which chrony does not mind. With a baseline from an earlier run
    its frequency at the boot was that of its driftfile, which fits a file that was there; without one, and
    synchronised, chrony has found its frequency without any file.
    """
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    try:
        value_ppm = float(read_file(path).split()[0])
        age_s = time.time() - path.stat().st_mtime
    except (OSError, ValueError, IndexError):
        if baseline_known and seen_ppm is not None and tempcomp.is_in_range(seen_ppm):
            return Applied(seen_ppm, since_boot_s)
        if baseline_known:
            return Applied(0.0, max(0.0, since_boot_s - CHRONY_STARTS_S), at_start=True)
        return Applied(0.0, since_boot_s) if chrony_is_synchronised else None
    if not tempcomp.is_in_range(value_ppm):
        return None
    return Applied(value_ppm, min(max(0.0, age_s), since_boot_s))
