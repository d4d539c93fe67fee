"""One burning core: a process at SCHED_IDLE, pinned, that does arithmetic for the share it is told on stdin.

``python -m tcxo_host.pi.heat.live.worker CORE``; a line is a share, 0 to 1. Burning comes in slices of some 10 ms at
most, of uneven length, so that neither die nor crystal nor power supply sees a beat. Real work always wins: the kernel
gives a SCHED_IDLE process what nobody else wants, and what it lost is not made up for. That holds within a group of
processes only (sched(7), "The autogroup feature"): so the group of its session gets nice 19 as well, and that of the
service ``CPUWeight=idle``. No line for
``PATIENCE_S``: it burns nothing; the end of the input, as when the controller dies: it ends.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import sys
import time
from pathlib import Path

import numpy as np

__all__ = ["PATIENCE_S", "PERIOD_S", "Shares", "main"]

PERIOD_S = 0.010
PATIENCE_S = 2.0
_MATRIX = 48
"""Small enough that a product takes some tens of microseconds, and stays in the first cache."""


class Shares:
    """The latest share of a stream of lines, and how long it holds. Anything but a share from 0 to 1 counts as 0."""

    def __init__(self) -> None:
        self.share = 0.0
        self._told_s = float("-inf")
        self._rest = b""

    def feed(self, data: bytes, now_s: float) -> None:
        """What came in; the last whole line counts."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-64:]
        for line in lines:
            self._told_s = now_s
            try:
                share = float(line)
            except ValueError:
                share = 0.0
            self.share = share if 0.0 <= share <= 1.0 else 0.0

    def now(self, now_s: float) -> float:
        """The share that holds now."""
        return self.share if now_s - self._told_s <= PATIENCE_S else 0.0


def main(argv: list[str]) -> int:
    """Burn until the input ends."""
    core = int(argv[0])
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(OSError):  # a kernel without autogroups
        Path("/proc/self/autogroup").write_text("19")
    shares, owed_s = Shares(), 0.0
    left = np.full((_MATRIX, _MATRIX), 1.0 / _MATRIX, np.float32)
    right, product = left.copy(), left.copy()
    while True:
        start_s = time.monotonic()
        share = shares.now(start_s)
        period_s = PERIOD_S * random.uniform(0.7, 1.3)
        owed_s = min(owed_s + share * period_s, 2.0 * PERIOD_S) if share else 0.0
        while time.monotonic() - start_s < owed_s:
            np.matmul(left, right, out=product)
        spent_s = time.monotonic() - start_s
        owed_s -= spent_s if share else 0.0
        wait_s = max(0.0, period_s - spent_s) if share else None
        if select.select([0], [], [], wait_s)[0]:
            data = os.read(0, 4096)
            if not data:
                return 0
            shares.feed(data, time.monotonic())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
