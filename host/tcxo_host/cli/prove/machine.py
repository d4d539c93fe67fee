"""What this machine says, for both trials: the daemon's status, chronyd, and the file between them."""

from __future__ import annotations

import contextlib
import ctypes
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import paths
from ...config.load import load_config
from ...config.settings import Config
from ...daemon.chronyc import COMMAND, read_tracking
from ...errors import ConfigError, UnavailableError
from ...files import read_file
from ...pi.chrony.config import directives, find_tempcomp, main_file
from ...pi.root import Root

__all__ = ["ChronydWatch", "Sample", "applies_file", "kernel_ppm", "read_status", "sample", "settings"]

KERNEL_READS = 9
"""chrony slews by the frequency, too; the middle one of so many reads, a tenth of a second apart, mostly does not."""

USUAL_PID = "/run/chrony/chronyd.pid"
STEP_S = 0.05
"""CLOCK_MONOTONIC is slewed as the system clock is, so they come apart by steps only, and by what is between reading
the one and the other on a busy machine."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The crystal's error, ppm, + when it is fast: by the board, and by chrony. ``skew_ppm``: how well chrony knows its
    own frequency, made every ``update_interval_s``; None where only the kernel was asked."""

    time_s: float
    board_ppm: float
    chrony_ppm: float
    skew_ppm: float | None
    update_interval_s: float | None
    board_id: str


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2); a long each where the 32-bit and the 64-bit kernels have one."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2), ("tick", ctypes.c_long), ("rest", ctypes.c_long * 32),
    )  # fmt: skip


def settings(path: str | None) -> Config:
    """The daemon's configuration, which must name its status file. Raises ConfigError."""
    if path is None and not Path(paths.CONFIG).exists():
        raise ConfigError(
            f"{paths.CONFIG} is not there: sudo tcxo-host install, or name the file with --config"
        )
    config = load_config(path or paths.CONFIG)
    if not config.output.status:
        raise ConfigError(f'the daemon writes no status: add status = "{paths.STATUS}" to [output]')
    return config


def read_status(config: Config) -> dict[str, Any]:
    """The running daemon's status. Raises UnavailableError when there is none, or it has gone."""
    path = config.output.status
    try:
        values: Any = json.loads(read_file(path))
        age_s = (time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - values["written_ns"]) / 1e9
        if not 0 <= age_s <= paths.STALE_S:
            raise UnavailableError(
                f"{path}: the daemon has written nothing for some time", "systemctl status tcxo-host"
            )
    except OSError as error:
        raise UnavailableError(
            f"{path}: cannot be read ({error.strerror})", "systemctl start tcxo-host"
        ) from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UnavailableError(f"{path} is not a status of this version's daemon", "restart it") from None
    return dict(values)


def applies_file(root: Root, config: Config) -> bool:
    """Whether chrony's configuration tells it to apply the daemon's file."""
    if config.output.measure_only:
        return False
    ours = root.real(config.output.path)
    return any(root.real(each.path) == ours for each in find_tempcomp(root)[-1:])


def sample(config: Config, active: bool, command: Sequence[str] = COMMAND) -> Sample | str:
    """One sample, or why there is none now. Raises UnavailableError without a daemon."""
    status = read_status(config)
    error_ppm = status.get("freq_error_ppm")
    if status.get("state") not in ("track", "holdover") or not isinstance(error_ppm, float):
        return f"the daemon does not track: {status.get('state')}: {status.get('reason')}"
    board_id = str((status.get("board") or {}).get("board", ""))
    now_s = time.monotonic()
    tracking = read_tracking(command=command)
    if tracking is None:
        return Sample(now_s, error_ppm, -kernel_ppm(), None, None, board_id)
    if not tracking.is_synchronised:
        return "chronyd follows no source"
    applied_ppm = 0.0
    if active:
        try:
            applied_ppm = float(read_file(config.output.path).split()[0])
        except (OSError, ValueError, IndexError):
            return f"{config.output.path} holds no number yet"
    chrony_ppm = tracking.freq_ppm - applied_ppm
    return Sample(now_s, error_ppm, chrony_ppm, tracking.skew_ppm, tracking.update_interval_s, board_id)


def kernel_ppm() -> float:
    """By how much the kernel runs the clock faster than the raw counter: all of chrony's correction. Only reads."""
    reads = []
    libc = ctypes.CDLL(None)
    for _ in range(KERNEL_READS):
        timex = Timex()
        with contextlib.suppress(AttributeError):
            libc.adjtimex(ctypes.byref(timex))
        reads.append(timex.freq / 65536 + (timex.tick - 10_000) * 100.0)
        time.sleep(0.1)
    return float(statistics.median(reads))


class ChronydWatch:
    """What must not change beneath a comparison: chronyd, and that it takes the value.

    Raises UnavailableError where chrony is told of no way to take it.
    """

    def __init__(self, root: Root, config: Config) -> None:
        self._root, self._config = root, config
        self._pid = self._pid_now()
        if not self._takes_it():
            raise UnavailableError(
                "chrony is not told to apply the daemon's file, so nothing would differ",
                "tcxo-host doctor names the line",
            )
        self.begin()

    def begin(self) -> None:
        """A block begins now."""
        self._apart_s = time.time() - time.monotonic()

    def changed(self) -> str:
        """Why the block since ``begin`` does not count, or an empty text; a new chronyd is told once."""
        pid, before = self._pid_now(), self._pid
        self._pid = pid or before
        if pid and before and pid != before:
            return "chronyd was restarted"
        if not self._takes_it():
            return "chrony is not told to apply the file any more"
        if abs(time.time() - time.monotonic() - self._apart_s) > STEP_S:
            return "the system clock was set"
        return ""

    def _takes_it(self) -> bool:
        return self._config.output.sock or applies_file(self._root, self._config)

    def _pid_now(self) -> str:
        """Empty where nothing tells."""
        main = main_file(self._root)
        named = [each for each in directives(self._root, main) if each.name == "pidfile"] if main else []
        path = named[-1].words[0] if named and named[-1].words else USUAL_PID
        return (self._root.read(path) or "").strip()
