"""The Pi's frequency error, from the running daemon's status: the link to the board has one reader only."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

from ....config.paths import STALE_S
from ....estimate.interface import State
from ....files import read_file

__all__ = ["DaemonPpm"]

_ASK_EVERY_S = 1.0


class DaemonPpm:
    """``status``: the file that the daemon writes once a second."""

    def __init__(self, status: str) -> None:
        self._path = Path(status)
        self._asked_s = float("-inf")
        self._tick: object = None
        self.problem = "not asked yet"
        """Why there is no value; empty when there is one."""

    def latest_ppm(self) -> float | None:
        """The error (+ = fast) when the daemon has closed a new second with the state ``track``, else None."""
        now_s = time.monotonic()
        if now_s - self._asked_s < _ASK_EVERY_S:
            return None
        self._asked_s = now_s
        try:
            told = json.loads(read_file(self._path))
            tick, ppm, state = told["tick"], told["freq_error_ppm"], told["state"]
            age_s = (time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - told["written_ns"]) / 1e9
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}"
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            self.problem = f"{self._path}: not a status of this version's daemon"
            return None
        if not 0 <= age_s < STALE_S:
            self.problem = f"{self._path} is old: the daemon does not run"
            return None
        if state != State.TRACK or type(ppm) not in (int, float) or not math.isfinite(ppm):
            self.problem = f"the daemon does not track ({state})"
            return None
        self.problem = ""
        if tick == self._tick:
            return None
        self._tick = tick
        return float(ppm)
