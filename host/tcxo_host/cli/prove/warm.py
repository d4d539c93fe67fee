"""Some load that warms the Pi, so that its crystal moves: processes that get only what nobody else wants.

Each ends by itself when its time is over or its parent has gone, whatever becomes of that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["HOTTEST_C", "Warmer", "too_hot"]

HOTTEST_C = 75.0
"""A Pi slows down at 80 C; a Pi 3B+ already at 60 to 70 a little, which its flag tells."""
THERMAL = "/sys/class/thermal/thermal_zone0/temp"
THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
NOW = 0xF
"""Bits for: under-voltage, frequency capped, throttled, soft temperature limit, now (vcgencmd get_throttled)."""
_BURN = """\
import hashlib, os, sys, time
end, parent = time.monotonic() + float(sys.argv[1]), int(sys.argv[2])
os.nice(19)
try:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
except OSError:
    pass
block = bytes(1 << 20)
while time.monotonic() < end and os.getppid() == parent:
    hashlib.sha256(block)
"""


def too_hot(thermal: str = THERMAL, throttled: str = THROTTLED) -> str:
    """Why no more load may be made, or an empty text; what this machine does not tell is taken as well."""
    millidegrees = _number(thermal, 10)
    if millidegrees is not None and millidegrees / 1000 >= HOTTEST_C:
        return f"the CPU has {millidegrees / 1000:.0f} C"
    flags = _number(throttled, 16)
    if flags is not None and flags & NOW:
        return f"the firmware limits the CPU or its supply is low (get_throttled 0x{flags:x})"
    return ""


class Warmer:
    """Loads every core for ``seconds`` from now on; ``stop`` ends it at once, and may be called again."""

    def __init__(self, seconds: float) -> None:
        command = [sys.executable, "-c", _BURN, f"{seconds:.3f}", str(os.getpid())]
        self._burning = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
            for _ in range(os.cpu_count() or 1)
        ]

    @property
    def is_running(self) -> bool:
        """Whether some load is left."""
        return any(each.poll() is None for each in self._burning)

    def stop(self) -> None:
        """End it and wait for its end."""
        for each in self._burning:
            each.kill()
        for each in self._burning:
            each.wait()


def _number(path: str, base: int) -> int | None:
    try:
        return int(Path(path).read_text().strip(), base)
    except (OSError, ValueError):
        return None
