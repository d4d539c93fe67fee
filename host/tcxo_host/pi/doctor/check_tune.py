"""A quiet machine (``tcxo-host tune``): each of its points, a warning only where it was asked for and is not so."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..heat.service import UNIT_FILE as HEAT_UNIT
from ..root import Root
from ..tune.points import Point, count_cores, points
from ..tune.service import CHRONY_DROP_IN, UNIT_FILE
from .check import Check, Finding, Subject, ok, warn

__all__ = ["CHECKS"]

_REMEDY = "sudo tcxo-host tune"


def _core(root: Root) -> int | None:
    """The core that was chosen; None when nothing was asked for."""
    unit = root.read(UNIT_FILE)
    found = re.search(r"tune --now --core (\d+)$", unit or "", re.MULTILINE)
    return int(found[1]) if found else None


def _point_check(name: str, good: Callable[[Point], str]) -> Check:
    def check(subject: Subject) -> Finding | None:
        core = _core(subject.root)
        found = [each for each in points(subject.root, core or 0) if each.name == name]
        if not found:
            return None
        wrong = [each for each in found if not each.is_right]
        if not wrong:
            return ok(name, good(found[0]))
        text = f"{wrong[0].now} instead of {wrong[0].wanted}: so that {wrong[0].told}"
        if core is None:
            return ok(name, f"{text} ({_REMEDY})")
        return warn(name, text, f"{_REMEDY} --core {core}")

    return check


def check_chronyd(subject: Subject) -> Finding | None:
    """Does chronyd run as it was asked to?"""
    root, core = subject.root, _core(subject.root)
    if core is None:
        return None
    if not root.exists(CHRONY_DROP_IN):
        return warn("chronyd", "it runs like every other program", f"{_REMEDY} --core {core}")
    pid = (root.read("/sys/fs/cgroup/system.slice/chrony.service/cgroup.procs") or "").split()
    status = root.read(f"/proc/{pid[0]}/status") if pid else None
    allowed = re.search(r"^Cpus_allowed_list:\s*(\S+)", status or "", re.MULTILINE)
    if allowed and count_cores(root) > 1 and allowed[1] != str(core):
        return warn(
            "chronyd", f"it runs on cores {allowed[1]}, not on {core}", "sudo systemctl restart chrony"
        )
    return ok("chronyd", f"on core {core}, with real-time priority")


def check_burner(subject: Subject) -> Finding | None:
    """Does the oven burn on the pulse's core?"""
    core, unit = _core(subject.root), subject.root.read(HEAT_UNIT)
    listed = re.search(r" --cores ([0-9,-]+)", unit or "")
    if core is None or unit is None:
        return None
    burning = {0} if count_cores(subject.root) == 1 else set(range(1, count_cores(subject.root)))
    if listed:
        parts = (part.split("-") for part in listed[1].split(","))
        burning = {each for part in parts for each in range(int(part[0]), int(part[-1]) + 1)}
    if core in burning and count_cores(subject.root) > 1:
        return warn(
            "burner", f"the oven burns on core {core}, too", "sudo tcxo-host heat hold --install --cores ..."
        )
    return ok("burner", f"the oven leaves core {core} alone")


CHECKS: tuple[Check, ...] = (
    _point_check("governor", lambda point: point.now),
    _point_check("floor", lambda point: f"the ARM clock stays at {int(point.now) // 1000} MHz or above"),
    _point_check("pps", lambda point: point.told),
    check_chronyd,
    check_burner,
)
