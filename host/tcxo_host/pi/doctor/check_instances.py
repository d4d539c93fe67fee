"""Checks of further daemons on this machine (``tcxo-host@NAME``): do they run, and is only one of all chrony's?"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...config import paths
from ...config.load import load_config
from ...config.settings import Config
from ...errors import ConfigError
from ..chrony.config import find_tempcomp
from ..install.instance import config_of, instance_names
from ..root import Root
from .check import Check, Finding, Subject, fail, ok, warn

__all__ = ["CHECKS"]


@dataclass(frozen=True, slots=True)
class _Daemon:
    path: str
    config: Config

    def ways_into_chrony(self, root: Root) -> list[str]:
        """What chrony takes from it, in words."""
        output = self.config.output
        used = find_tempcomp(root)[-1:]
        ways = [f"{each.where} reads {each.path}" for each in used if self._writes(root, each.path)]
        ways += ["output.sock"] if output.sock and not output.measure_only else []
        return ways + (["phase.enabled"] if self.config.phase.enabled else [])

    def _writes(self, root: Root, path: str) -> bool:
        output = self.config.output
        return not output.measure_only and root.real(path) == root.real(output.path)


def check_only_one_is_chronys(subject: Subject) -> Finding | None:
    """Does more than one daemon correct the clock?"""
    others = [each for each in _others(subject) if isinstance(each, _Daemon)]
    if not others:
        return None
    first = _Daemon(paths.CONFIG, subject.config)
    feeding = [
        (each.path, ways) for each in (first, *others) if (ways := each.ways_into_chrony(subject.root))
    ]
    if len(feeding) > 1:
        told = "; ".join(f"{path}: {', '.join(ways)}" for path, ways in feeding)
        remedy = f"leave one of them: take [output] sock and [phase] enabled out of {feeding[1][0]}"
        return fail("instances", f"two daemons would correct the same clock: {told}", remedy)
    urls = [each.config.link.url for each in (first, *others)]
    if twice := {each for each in urls if urls.count(each) > 1}:
        return fail(
            "instances", f"two daemons want the board at {', '.join(twice)}", "mend [link] url in one of them"
        )
    whose = feeding[0][0] if feeding else "none"
    return ok("instances", f"{1 + len(others)} daemons, of which chrony takes {whose}")


def check_each(subject: Subject) -> Finding | None:
    """Does each of them run? The first that does not is told."""
    found = _others(subject)
    for each in found:
        if isinstance(each, Finding):
            return each
        name = each.path.removeprefix("/etc/tcxo-host-").removesuffix(".toml")
        log = f"journalctl -u tcxo-host@{name} -n 20"
        status = each.config.output.status
        text = subject.root.read(status) if status else None
        if text is None:
            return fail(
                "instance",
                f"{name}: has written no status since boot",
                f"sudo systemctl start tcxo-host@{name}; {log}",
            )
        if subject.now_s is not None:
            age_s = subject.now_s - subject.root.path(status).stat().st_mtime
            if age_s > paths.STALE_S:
                return fail("instance", f"{name}: has written nothing for {age_s:.0f} s", log)
        try:
            told = json.loads(text)
            if told["state"] != "track":
                return warn("instance", f"{name}: says {told['state']}: {told['reason']}"[:200], log)
        except (ValueError, KeyError, TypeError, RecursionError):
            return warn(
                "instance",
                f"{name}: {status} is of another version",
                f"sudo systemctl restart tcxo-host@{name}",
            )
    return ok("instance", "all track") if found else None


def _others(subject: Subject) -> list[_Daemon | Finding]:
    found: list[_Daemon | Finding] = []
    for name in instance_names(subject.root):
        path = config_of(name)
        try:
            found.append(_Daemon(path, load_config(subject.root.path(path))))
        except ConfigError as error:
            told = str(error).replace(str(subject.root.path(path)), path)
            found.append(fail("instance", told, f"mend {path}"))
    return found


CHECKS: tuple[Check, ...] = (check_only_one_is_chronys, check_each)
