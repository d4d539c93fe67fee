"""What keeps the points over a reboot: a unit that sets them, and a drop-in for chronyd's core and priority."""

from __future__ import annotations

from ...config import paths
from ..install.plan import OwnFile, Plan
from ..install.template import filled

__all__ = ["CHRONY_DROP_IN", "FILES", "PRIORITY", "UNIT", "UNIT_FILE", "tune_plan"]

UNIT = "tcxo-host-tune.service"
UNIT_FILE = f"{paths.UNITS}/{UNIT}"
CHRONY_DROP_IN = f"{paths.UNITS}/chrony.service.d/tcxo-host-tune.conf"
FILES = (UNIT_FILE, CHRONY_DROP_IN)
PRIORITY = 10
"""Above every ordinary program, below the kernel's own threads for interrupts (50)."""


def tune_plan(executable: str, core: int, cores: int, *, chrony: bool) -> Plan:
    """For a machine with so many cores; ``chrony``: its unit is there."""
    names = {
        "executable": executable,
        "core": str(core),
        "affinity": f"CPUAffinity={core}" if cores > 1 else "# one core: nothing to choose",
        "priority": str(PRIORITY),
    }
    files = [OwnFile(UNIT_FILE, filled("tcxo_host.pi.tune", UNIT, names))]
    commands: list[tuple[str, ...]] = [("systemctl", "daemon-reload"), ("systemctl", "enable", UNIT)]
    if chrony:
        files.append(OwnFile(CHRONY_DROP_IN, filled("tcxo_host.pi.tune", "chrony.conf", names)))
        commands.append(("systemctl", "try-restart", "chrony.service"))
    return Plan(tuple(files), (), tuple(commands))
