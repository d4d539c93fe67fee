"""chrony's configuration as it takes effect: includes followed, ``tempcomp`` lines understood.

Source: chrony.conf(5) and ``conf.c``: comments start with ``!``, ``;``, ``#`` or ``%``; ``include`` takes
a glob; ``confdir`` reads ``*.conf`` of several folders, the first folder winning for equal names; a later
``tempcomp`` replaces an earlier one; ppm = k0 + (T - T0) k1 + (T - T0)^2 k2.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..root import Root

__all__ = [
    "MAIN_FILES",
    "Directive",
    "Tempcomp",
    "added_ppm",
    "directives",
    "find_tempcomp",
    "main_file",
    "parse_tempcomp",
    "refclock_device",
]

MAIN_FILES = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Directive:
    """One line: where it stands, its lower-case name and its words."""

    where: str
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tempcomp:
    """A ``tempcomp`` line. ``points``: the file of a table, which replaces T0, k0, k1 and k2.

    ``problem``: why chrony would refuse the line, or empty.
    """

    where: str
    path: str
    interval_s: float = 0.0
    t0: float = 0.0
    k0: float = 0.0
    k1: float = 0.0
    k2: float = 0.0
    points: str = ""
    problem: str = ""

    @property
    def takes_ppm_as_is(self) -> bool:
        """Whether the number in the file is the correction in ppm, except for a constant."""
        return not (self.points or self.problem) and self.k1 == 1 and self.k2 == 0

    @property
    def constant_ppm(self) -> float:
        """What the line adds to the number in the file, when it takes ppm as is."""
        return self.k0 - self.t0 * self.k1


def main_file(root: Root) -> str | None:
    """chronyd's main configuration file, or None."""
    return next((path for path in MAIN_FILES if root.exists(path)), None)


def directives(root: Root, path: str, depth: int = 0) -> Iterator[Directive]:
    """Every directive that takes effect, in order, from ``path`` and what it includes."""
    if depth > _DEEPEST:
        return
    for number, line in enumerate((root.read(path) or "").splitlines(), 1):
        words = line.split()
        if not words or words[0][0] in "!;#%":
            continue
        directive = Directive(f"{path}:{number}", words[0].lower(), tuple(words[1:]))
        if directive.name == "include" and directive.words:
            folder, _, pattern = directive.words[0].rpartition("/")
            for name in fnmatch.filter(root.names(folder), pattern):
                yield from directives(root, f"{folder}/{name}", depth + 1)
        elif directive.name == "confdir":
            for file in _confdir_files(root, directive.words):
                yield from directives(root, file, depth + 1)
        else:
            yield directive


def find_tempcomp(root: Root) -> list[Tempcomp]:
    """Every ``tempcomp`` line, in order; chrony uses the last."""
    path = main_file(root)
    if path is None:
        return []
    return [parse_tempcomp(each) for each in directives(root, path) if each.name == "tempcomp"]


def added_ppm(root: Root, output: str) -> float:
    """What the tempcomp line in effect adds to the number in the file ``output``: T0 or k0; 0 where nothing does."""
    used = find_tempcomp(root)[-1:]
    if not used or not used[0].takes_ppm_as_is or root.real(used[0].path) != root.real(output):
        return 0.0
    return used[0].constant_ppm


def parse_tempcomp(directive: Directive) -> Tempcomp:
    """A ``tempcomp`` directive understood; never raises."""
    where, words = directive.where, directive.words
    if len(words) not in (3, 6):
        path = words[0] if words else ""
        return Tempcomp(
            where, path, problem=f"has {len(words)} words after tempcomp where chrony wants 3 or 6"
        )
    try:
        interval_s = float(words[1])
        if len(words) == 3:
            return Tempcomp(where, words[0], interval_s, points=words[2])
        t0, k0, k1, k2 = (float(word) for word in words[2:])
    except ValueError:
        return Tempcomp(where, words[0], problem="holds a word where chrony wants a number")
    return Tempcomp(where, words[0], interval_s, t0, k0, k1, k2)


def refclock_device(root: Root, words: Iterable[str]) -> str:
    """What a refclock reads: the device with links followed, for gpsd's socket of a PPS that device, or a key.

    ``words`` are DRIVER PARAMETER[:OPTION...] and more.
    """
    driver, parameter = [*words, "", ""][:2]
    path = parameter.partition(":")[0]
    if not path.startswith("/"):
        return f"{driver.upper()} {path}"
    pps = re.fullmatch(r"chrony\.(pps\d+)\.sock", posixpath.basename(path))
    return root.real(f"/dev/{pps[1]}" if pps else path)


def _confdir_files(root: Root, folders: tuple[str, ...]) -> list[str]:
    chosen: dict[str, str] = {}
    for folder in folders:
        for name in root.names(folder):
            if name.endswith(".conf"):
                chosen.setdefault(name, f"{folder.rstrip('/')}/{name}")
    return [chosen[name] for name in sorted(chosen)]
