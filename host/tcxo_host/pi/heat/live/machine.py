"""The oven on this machine: sensors, workers, and the daemon's frequency, a step each quarter of a second."""

from __future__ import annotations

import time

from ...root import Root
from ..oven.reading import STEP_S, Reading
from .burner import Burner
from .daemon_ppm import DaemonPpm
from .sensors import CpuTimes, Thermometer, Throttling

__all__ = ["LivePi", "default_cores"]

_FLAGS_EVERY_S = 2.0
"""How often vcgencmd is started."""


class LivePi:
    """Raises UnavailableError without sensor, flags or one of ``cores``, and when a worker ends."""

    def __init__(self, root: Root, cores: frozenset[int], status: str) -> None:
        self._thermometer = Thermometer(root)
        self._throttling = Throttling(root)
        self._times = CpuTimes(root)
        self.daemon = DaemonPpm(status)
        self._flags = self._throttling.read()
        self._flags_s = self._last_s = time.monotonic()
        self._burner = Burner(cores)
        self._cpu_s = self._burner.cpu_s()

    def burn(self, shares: tuple[float, ...]) -> None:
        """Tell the workers."""
        self._burner.burn(shares)

    def utc_s(self) -> float:
        """The wall clock."""
        return time.time()

    def read(self) -> Reading:
        """The machine's state, a step after the last one."""
        time.sleep(max(0.0, self._last_s + STEP_S - time.monotonic()))
        now_s = time.monotonic()
        passed_s, self._last_s = max(now_s - self._last_s, 1e-3), now_s
        before, self._cpu_s = self._cpu_s, self._burner.cpu_s()
        busy_s = self._times.busy_s()
        burned_s = [self._cpu_s.get(core, 0.0) - before.get(core, 0.0) for core in range(len(busy_s))]
        if self._throttling.is_cheap or now_s - self._flags_s >= _FLAGS_EVERY_S:
            self._flags, self._flags_s = self._throttling.read(), now_s
        return Reading(
            t_s=now_s,
            temperature_c=self._thermometer.read_c(),
            work=tuple(
                min(1.0, max(0.0, (busy - burned) / passed_s))
                for busy, burned in zip(busy_s, burned_s, strict=True)
            ),
            burned=tuple(min(1.0, max(0.0, burned / passed_s)) for burned in burned_s),
            throttled=self._flags,
            ppm=self.daemon.latest_ppm(),
        )

    def close(self) -> None:
        """End the workers."""
        self._burner.close()


def default_cores(count: int) -> frozenset[int]:
    """All but the first, which is left to interrupts and chronyd; the only one of a machine with one."""
    return frozenset(range(1, count)) or frozenset({0})
