"""The points of a quiet machine as this one has them: what each is now, what it should be, and where that is written.

Interrupts are found by name: their numbers differ from kernel to kernel and boot to boot. A PPS on a GPIO is called
``pps@12.-1`` or the like (pps-gpio's platform device and its id). Not every GPIO controller lets its interrupts be
moved (the RP1's not before April 2024, raspberrypi/linux#6077); then it counts where they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import TcxoError
from ..models import identify_model
from ..root import Root

__all__ = ["FLOOR_KHZ", "Point", "count_cores", "interrupts", "points"]

_CPUFREQ = "/sys/devices/system/cpu/cpufreq"
_GOVERNOR = "performance"
FLOOR_KHZ = 600_000
"""At ARM clocks of 300 MHz and less the timer of a Pi 4 or CM4 loses counts (raspberrypi/linux#6016)."""
_PPS = re.compile(r"pps(@[0-9a-f]+)?(\.-?\d+)?$|pps[-_.]")


@dataclass(frozen=True, slots=True)
class Point:
    """``key`` names it for good: a path, or ``irq:NAME`` where the path has a number that may change.

    ``now`` is what is there, ``wanted`` what should be; ``held`` says that it is as good as wanted though the text
    differs, or why it cannot be changed.
    """

    name: str
    key: str
    path: str
    now: str
    wanted: str
    told: str
    held: str = ""

    @property
    def is_right(self) -> bool:
        """Whether nothing is to be done."""
        return self.now == self.wanted or bool(self.held)


def count_cores(root: Root) -> int:
    """How many cores are there; 1 when that is not known."""
    found = re.fullmatch(r"0-(\d{1,3})", root.read("/sys/devices/system/cpu/possible") or "")
    return int(found[1]) + 1 if found else 1


def points(root: Root, core: int) -> list[Point]:
    """Those that this machine has, with ``core`` for the pulse and chronyd."""
    return [*_governors(root), *_floors(root), *(_affinities(root, core) if count_cores(root) > 1 else ())]


def interrupts(root: Root) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Name, number and counts by core of each numbered interrupt."""
    lines = (root.read("/proc/interrupts") or "").splitlines()
    cores = len(re.findall(r"\bCPU\d+", lines[0])) if lines else 0
    for line in lines[1:]:
        words = line.split()
        if len(words) < cores + 2 or not re.fullmatch(r"\d+:", words[0]):
            continue
        counts = words[1 : cores + 1]
        if all(each.isdigit() for each in counts):
            yield words[-1], int(words[0][:-1]), tuple(map(int, counts))


def _policies(root: Root) -> list[str]:
    return [f"{_CPUFREQ}/{name}" for name in root.names(_CPUFREQ) if name.startswith("policy")]


def _governors(root: Root) -> Iterator[Point]:
    for policy in _policies(root):
        now = root.read(f"{policy}/scaling_governor")
        allowed = (root.read(f"{policy}/scaling_available_governors") or "").split()
        if now is not None and _GOVERNOR in allowed:
            path = f"{policy}/scaling_governor"
            yield Point("governor", path, path, now, _GOVERNOR, "the ARM clock does not change with the load")


def _floors(root: Root) -> Iterator[Point]:
    try:
        key = identify_model(root).key
    except TcxoError:
        return
    for policy in _policies(root) if key == "pi4" else ():
        path = f"{policy}/scaling_min_freq"
        now, most = root.read(path) or "", root.read(f"{policy}/cpuinfo_max_freq") or ""
        if now.isdigit() and most.isdigit() and int(most) >= FLOOR_KHZ:
            high = "high enough" if int(now) >= FLOOR_KHZ else ""
            yield Point("floor", path, path, now, str(FLOOR_KHZ), "the timer loses counts at 300 MHz", high)


def _affinities(root: Root, core: int) -> Iterator[Point]:
    for name, number, counts in interrupts(root):
        path = f"/proc/irq/{number}/smp_affinity_list"
        now = root.read(path)
        if not _PPS.match(name) or now is None:
            continue
        told = f"the pulse's interrupt {name} comes to core {core}"
        only = core < len(counts) and sum(counts) == counts[core] > 60
        yield Point("pps", f"irq:{name}", path, now, str(core), told, "it comes there alone" if only else "")
