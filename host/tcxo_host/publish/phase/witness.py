"""What the kernel knows of the system clock and of its own PPS: read-only, no rights needed. Thin."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

__all__ = ["KernelPps", "system_bound_ns"]

_MOST_US = 500_000
"""A larger bound tells nothing about a fraction of a second; the kernel gives 16 s for a clock nobody sets."""
_ASSERT = re.compile(r"(\d+)\.(\d{9})#(\d+)")


class _Timex(ctypes.Structure):
    """The head of ``struct timex`` (adjtimex(2)); the rest is room for the kernel to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def system_bound_ns() -> float | None:
    """The bound of the system clock's error, as the program that sets it told the kernel; None when none did.

    ``maxerror`` of adjtimex(2): chronyd puts the root distance there, whether or not ``rtcsync`` is set.
    """
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0 or timex.maxerror > _MOST_US:
        return None
    return float(timex.maxerror) * 1e3


class KernelPps:
    """The time stamps of ``/sys/class/pps/NAME/assert``."""

    def __init__(self, path: str = "/sys/class/pps/pps0/assert") -> None:
        self._path = Path(path)
        self._last = ""

    def after_ns(self) -> float | None:
        """Where in its second the system clock stood at a pulse since the last call, 0 to 1e9; None: no pulse."""
        try:
            text = self._path.read_text()
        except OSError:
            return None
        match = _ASSERT.match(text)
        if match is None or match[3] == self._last:
            return None
        self._last = match[3]
        return float(match[2])
