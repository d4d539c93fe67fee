"""A trial's word to the running daemon: leave the file as it is for a while. A lease that must be renewed.

The command that compares (``tcxo-host prove --benefit``) writes a file beside the daemon's status, and again every few
seconds. It holds for ``LEASE_S`` at most: when that command is killed, or stands still, compensation goes on by
itself. The file lies in /run, so a reboot ends it too, and times are those of CLOCK_BOOTTIME, which nobody sets.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..files import read_file, replace_file

__all__ = ["HELD", "LEASE_S", "end_lease", "held_reason", "lease_path", "write_lease"]

LEASE_S = 30.0
"""The longest time for which a lease holds without being renewed."""
HELD = "held by a trial"
"""How the reason begins; ``doctor`` and the command know it by that."""
_KIND = "tcxo-host trial"
_LATEST_S = 1e11


def lease_path(status_path: str | Path) -> Path:
    """Where the lease lies: beside the daemon's status file."""
    return Path(status_path).with_name("trial.json")


def write_lease(path: Path, until_utc_s: float, now_s: float | None = None) -> None:
    """Hold the file for ``LEASE_S`` from now on. ``until_utc_s``: when the trial means to end the hold, for people.

    ``now_s``: CLOCK_BOOTTIME, by default as it is. Raises OSError.
    """
    now_s = _boottime_s() if now_s is None else now_s
    content = {"kind": _KIND, "expires_boottime_s": now_s + LEASE_S, "until_utc_s": until_utc_s}
    replace_file(path, (json.dumps(content) + "\n").encode())


def end_lease(path: Path) -> None:
    """Let compensation go on at once. Never raises: the lease ends by itself."""
    with contextlib.suppress(OSError):
        path.unlink()


def held_reason(path: Path, now_s: float | None = None) -> str:
    """Why nothing is to be written now, or an empty text: also for a file that is anything but a fresh lease.

    ``now_s`` as in ``write_lease``. A lease that would hold longer than ``LEASE_S`` is none.
    """
    try:
        content: Any = json.loads(read_file(path))
        left_s = float(content["expires_boottime_s"]) - (_boottime_s() if now_s is None else now_s)
        until_utc_s = float(content["until_utc_s"])
        if content["kind"] != _KIND or not 0 < left_s <= LEASE_S or not 0 <= until_utc_s < _LATEST_S:
            return ""
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return ""
    return f"{HELD} until {datetime.fromtimestamp(math.ceil(until_utc_s), UTC):%H:%M:%S} UTC"


def _boottime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
