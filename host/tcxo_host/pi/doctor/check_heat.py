"""The oven (``tcxo-host heat hold --install``): does it run, or why did it stop?"""

from __future__ import annotations

import json

from ..heat.paths import UNIT, HeatPaths
from ..heat.report import LATE_S, status_lines
from ..heat.service import UNIT_FILE
from .check import Check, Finding, Subject, fail, ok, warn

__all__ = ["CHECKS"]


def check_heat(subject: Subject) -> Finding | None:
    """Only where its service was asked for."""
    root = subject.root
    if not root.exists(UNIT_FILE):
        return None
    start = f"sudo systemctl restart {UNIT}"
    text = root.read(str(HeatPaths.of(None).status))
    try:
        told = json.loads(text or "")
        lines = dict(status_lines(told, 0.0))
        stop, age_s = str(told["stop"]), (subject.now_s or told["utc_s"]) - told["utc_s"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return warn("heat", "the oven has not told anything yet", f"journalctl -u {UNIT} -n 20")
    if stop:
        return fail("heat", f"stopped: {stop}", f"see to it, then {start}")
    if age_s >= LATE_S or not root.read(f"/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs"):
        return warn("heat", "the oven does not run", f"journalctl -u {UNIT} -n 20; {start}")
    if told["saturated"]:
        return warn("heat", lines["CPU"], "tcxo-host heat learn, then hold with what it finds")
    return ok("heat", f"{lines['CPU']}; {lines['cost']}")


CHECKS: tuple[Check, ...] = (check_heat,)
