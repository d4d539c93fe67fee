"""What a Pi tells of its heat: the CPU's temperature, the firmware's throttling flags, how busy each core is."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess

from ....errors import UnavailableError
from ...root import Root

__all__ = ["CpuTimes", "Thermometer", "Throttling"]

_THERMAL = "/sys/class/thermal"
_TYPES = ("cpu-thermal", "cpu_thermal", "bcm2835_thermal", "soc-thermal")
_PLATFORM = "/sys/devices/platform"


class Thermometer:
    """The CPU's thermal zone. Raises UnavailableError on a machine that has none."""

    def __init__(self, root: Root) -> None:
        self._root = root
        zones = [name for name in root.names(_THERMAL) if name.startswith("thermal_zone")]
        for zone in zones:
            if root.read(f"{_THERMAL}/{zone}/type") in _TYPES:
                self._path = f"{_THERMAL}/{zone}/temp"
                return
        raise UnavailableError(
            f"{_THERMAL} has no CPU temperature ({', '.join(_TYPES)}): without a sensor nothing may burn here"
        )

    def read_c(self) -> float | None:
        """Degrees Celsius; None when it cannot be read at the moment."""
        text = self._root.read(self._path) or ""
        return int(text) / 1000.0 if re.fullmatch(r"-?\d{1,7}", text) else None


class Throttling:
    """The firmware's get_throttled flags, from sysfs or by vcgencmd. Raises UnavailableError where neither tells."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._path = next(
            (
                path
                for soc in root.names(_PLATFORM)
                for name in root.names(f"{_PLATFORM}/{soc}")
                if name.endswith(":firmware")
                and root.exists(path := f"{_PLATFORM}/{soc}/{name}/get_throttled")
            ),
            None,
        )
        if self.read() is None:
            raise UnavailableError(
                "the firmware's flags for throttling and under-voltage cannot be read (sysfs get_throttled or"
                " vcgencmd): without them nothing may burn here"
            )

    @property
    def is_cheap(self) -> bool:
        """Whether it may be asked at every step; vcgencmd is a program to start."""
        return self._path is not None

    def read(self) -> int | None:
        """The flags; None when they cannot be read at the moment."""
        if self._path is not None:
            text = self._root.read(self._path) or ""
        else:
            text = _vcgencmd() if self._root.is_live and shutil.which("vcgencmd") else ""
        found = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})", text)
        return int(found[1], 16) if found else None


class CpuTimes:
    """How long each core was busy since the last look, from ``/proc/stat``."""

    _TICKS_HZ = 100  # USER_HZ, the same on every Linux architecture of a Pi

    def __init__(self, root: Root) -> None:
        self._root = root
        self._last = self._read()

    @property
    def cores(self) -> int:
        """How many there are."""
        return len(self._last)

    def busy_s(self) -> tuple[float, ...]:
        """By core, seconds of anything but idling (and waiting for a disk) since the last call."""
        now = self._read()
        if len(now) != len(self._last):
            self._last = now
            return (0.0,) * len(now)
        busy = tuple(max(0, b - a) / self._TICKS_HZ for a, b in zip(self._last, now, strict=True))
        self._last = now
        return busy

    def _read(self) -> list[int]:
        found = []
        for line in (self._root.read("/proc/stat") or "").splitlines():
            name, *fields = line.split()
            if re.fullmatch(r"cpu\d+", name) and len(fields) >= 7:
                user, nice, system, _, _, irq, softirq = (int(each) for each in fields[:7])
                found.append(user + nice + system + irq + softirq)
        return found


def _vcgencmd() -> str:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            ("vcgencmd", "get_throttled"), capture_output=True, encoding="utf8", errors="replace", timeout=1.0
        )
        return done.stdout.strip()
    return ""
