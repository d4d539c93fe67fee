"""The guest kernel's clock as adjtimex(2) tells it, and waiting for something to become true."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

HANG_S = 600.0
"""Longer than any of the waits on the busiest machine: only a hang is ended by it."""


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2) on 64-bit."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2), ("tick", ctypes.c_long), ("rest", ctypes.c_long * 32),
    )  # fmt: skip


def kernel_ppm() -> float:
    """By how much the kernel runs its clock faster than the raw counter."""
    timex = Timex()
    assert ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) >= 0
    return timex.freq / 65536 + (timex.tick - 10_000) * 100.0


def wait_until(what: str, true: Callable[[], bool], pause_s: float = 0.1) -> None:
    """Wait, asking every ``pause_s``; AssertionError after ``HANG_S``."""
    end = time.monotonic() + HANG_S
    while not true():
        assert time.monotonic() < end, f"never saw that {what}"
        time.sleep(pause_s)
