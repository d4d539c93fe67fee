"""What chronyd says of itself: ``chronyc -c tracking``, asked once, or again and again without waiting."""

from __future__ import annotations

import contextlib
import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Tracking", "TrackingWatch", "parse_tracking", "read_tracking"]

COMMAND = ("chronyc", "-c", "-n", "tracking")
ASK_EVERY_S = 30.0
GIVE_UP_S = 5.0
FRESH_S = 100.0
"""An older answer is none: chronyd may be gone."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """A line of ``chronyc -c tracking``.

    ``freq_ppm`` is chrony's own part of the correction, tempcomp left out, + when the clock would be fast
    (``LCL_ReadAbsoluteFrequency`` in chrony's local.c); ``skew_ppm`` its error bound.
    """

    reference: str
    stratum: int
    updated_utc_s: float
    last_offset_s: float
    rms_offset_s: float
    freq_ppm: float
    residual_ppm: float
    skew_ppm: float
    leap: str
    update_interval_s: float = 0.0
    """Between the last two measurements that chrony used."""

    @property
    def is_synchronised(self) -> bool:
        """Whether chronyd follows a source."""
        return self.leap != "Not synchronised" and self.updated_utc_s > 0


def parse_tracking(text: str) -> Tracking | None:
    """The line's fields, in the order of chronyc(1); None when it is not its line."""
    fields = text.strip().split(",")
    try:
        tracking = Tracking(
            fields[1] or fields[0],
            int(fields[2]),
            float(fields[3]),
            float(fields[5]),
            float(fields[6]),
            float(fields[7]),
            float(fields[8]),
            float(fields[9]),
            fields[13],
            float(fields[12]),
        )
    except (IndexError, ValueError):
        return None
    return tracking if math.isfinite(tracking.freq_ppm) and math.isfinite(tracking.skew_ppm) else None


def read_tracking(timeout_s: float = 1.0, command: Sequence[str] = COMMAND) -> Tracking | None:
    """Ask now; None without chronyc, or when chronyd does not answer in time."""
    if not shutil.which(command[0]):
        return None
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, capture_output=True, encoding="utf8", errors="replace", timeout=timeout_s
        )
        if done.returncode == 0:
            return parse_tracking(done.stdout)
    return None


class TrackingWatch:
    """Asks every ``ask_every_s`` in a process of its own, so that nobody waits for chronyd."""

    def __init__(self, command: Sequence[str] = COMMAND, ask_every_s: float = ASK_EVERY_S) -> None:
        self._ask_every_s = ask_every_s
        self._command = command if shutil.which(command[0]) else ()
        self._asking: subprocess.Popen[str] | None = None
        self._asked_s = float("-inf")
        self._answer: tuple[Tracking, float] | None = None

    def latest(self, now_s: float) -> Tracking | None:
        """The last answer, at most ``FRESH_S`` old; to be called about once a second. ``now_s``: any steady clock."""
        if self._asking is not None:
            self._collect(self._asking, now_s)
        elif self._command and now_s - self._asked_s >= self._ask_every_s:
            self._asked_s = now_s
            with contextlib.suppress(OSError):
                self._asking = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    encoding="utf8",
                    errors="replace",
                )
        if self._answer is None or now_s - self._answer[1] > FRESH_S:
            return None
        return self._answer[0]

    def close(self) -> None:
        """End a question that is still open."""
        if self._asking is not None:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None

    def _collect(self, asking: subprocess.Popen[str], now_s: float) -> None:
        if asking.poll() is None:
            if now_s - self._asked_s > GIVE_UP_S:
                self.close()
            return
        text, _ = asking.communicate()  # ended: a line of some 150 bytes waits in the pipe
        self._asking = None
        tracking = parse_tracking(text) if asking.returncode == 0 else None
        if tracking is not None:
            self._answer = tracking, now_s
