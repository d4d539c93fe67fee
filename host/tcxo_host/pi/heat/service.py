"""The oven's unit: there only after it was asked for, remembered as the other files that were installed."""

from __future__ import annotations

from ...config import paths
from ..install.plan import OwnFile, Plan
from ..install.template import filled
from .paths import UNIT

__all__ = ["STOP", "UNIT_FILE", "unit_plan"]

UNIT_FILE = f"{paths.UNITS}/{UNIT}"
STOP = ("systemctl", "disable", "--now", UNIT)


def unit_plan(executable: str, options: tuple[str, ...]) -> Plan:
    """The unit that runs ``tcxo-host heat hold`` with ``options``, and what starts it."""
    names = {
        "command": " ".join((executable, "heat", "hold", *options)),
        "protect_home": "read-only" if executable.startswith("/home/") else "yes",
    }
    unit = OwnFile(UNIT_FILE, filled("tcxo_host.pi.heat", UNIT, names))
    commands = (("systemctl", "daemon-reload"), ("systemctl", "enable", UNIT), ("systemctl", "restart", UNIT))
    return Plan((unit,), (), commands)
