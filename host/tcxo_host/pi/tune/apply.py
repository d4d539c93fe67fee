"""Setting the points, remembering what was there before, and setting that again."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...errors import OutputError, PermissionRefused
from ...files import replace_file
from ..root import Root
from .points import Point, interrupts, points

__all__ = ["BEFORE", "Change", "apply_points", "undo_points"]

BEFORE = "/var/lib/tcxo-host-tune.json"
"""What each point was before it was first changed: by its key."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was, or would be, written. ``problem``: why the kernel refused; empty when it did not."""

    name: str
    path: str
    before: str
    after: str
    problem: str = ""


def apply_points(root: Root, core: int, *, dry_run: bool = False) -> list[Change]:
    """Bring every point that is not right to where it should be. Raises PermissionRefused, OutputError.

    What was there is written down before anything is changed; what was written down by an earlier run stays.
    """
    to_do = [point for point in points(root, core) if not point.is_right]
    if dry_run:
        return [Change(point.name, point.path, point.now, point.wanted) for point in to_do]
    remembered = _read(root)
    new = {point.key: point.now for point in to_do if point.key not in remembered}
    if new:
        _write(root, remembered | new)
    return [_set(root, point) for point in to_do]


def undo_points(root: Root, *, dry_run: bool = False) -> list[Change]:
    """Bring every changed point back; forget it then."""
    changes = []
    numbers = {name: number for name, number, _ in interrupts(root)}
    for key, before in _read(root).items():
        name = key.removeprefix("irq:")
        path = key if name == key else f"/proc/irq/{numbers.get(name, -1)}/smp_affinity_list"
        now = root.read(path)
        if now is None or now == before:
            continue  # an interrupt, or a policy, that is no longer there
        point = Point("pps" if name != key else "cpufreq", key, path, now, before, "")
        changes.append(Change(point.name, path, now, before) if dry_run else _set(root, point))
    if not dry_run:
        try:
            root.path(BEFORE).unlink(missing_ok=True)
        except OSError as error:
            raise _refusal(BEFORE, error) from None
    return changes


def _set(root: Root, point: Point) -> Change:
    try:
        root.write(point.path, point.wanted)
    except PermissionError as error:
        raise _refusal(point.path, error) from None
    except OSError as error:
        problem = f"{error.strerror}: this kernel does not let it be changed"
        return Change(point.name, point.path, point.now, point.wanted, problem)
    return Change(point.name, point.path, point.now, point.wanted)


def _read(root: Root) -> dict[str, str]:
    text = root.read(BEFORE)
    if text is None:
        return {}
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise ValueError
    except (ValueError, RecursionError):
        raise OutputError(
            f"{BEFORE} cannot be read, so what was there before is not known: remove it; a reboot brings"
            " the kernel's own values back"
        ) from None
    # only what points() can have written down: this runs as root
    return {
        key: value
        for key, value in found.items()
        if key.startswith(("irq:", "/sys/devices/system/cpu/cpufreq/"))
    }


def _write(root: Root, values: dict[str, str]) -> None:
    path = root.path(BEFORE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (json.dumps(values, indent=1, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise _refusal(BEFORE, error) from None


def _refusal(path: str, error: OSError) -> OutputError | PermissionRefused:
    if isinstance(error, PermissionError):
        return PermissionRefused(f"{path} cannot be written: run this with sudo")
    return OutputError(f"{path} cannot be written ({error.strerror}): mend that first")
