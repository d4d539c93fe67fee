"""The only access to the machine's files: everything in this package reads them through a ``Root``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..files import read_file

__all__ = ["Root", "who_may_change"]

_MOST_LINKS = 40
_LARGEST_BYTES = 16 << 20
"""No file of /sys, /proc, /etc or /run that is looked at has more."""


class Root:
    """A file system tree: the running machine (``/``), or a copy of one for diagnosis and tests.

    Paths are absolute as the machine names them, e.g. ``/sys/class/pwm``. Symbolic links with an
    absolute target are followed inside the tree. Methods that only look return None, False or an empty
    list for what is not there or may not be read; ``write`` raises OSError as the kernel gives it.
    """

    def __init__(self, base: str | Path = "/") -> None:
        self.base = Path(base)

    @property
    def is_live(self) -> bool:
        """Whether this is the running machine and not a copy."""
        return self.base == Path("/")

    def path(self, path: str) -> Path:
        """Where ``path`` lies on this machine's disk, links followed inside the tree."""
        if self.is_live:
            return Path(path)
        where = self.base
        pending = [part for part in path.split("/") if part]
        for _ in range(200):  # as many steps as any real path needs; a link loop ends here
            if not pending:
                break
            part = pending.pop(0)
            if part == "..":
                where = where.parent if where != self.base else where
                continue
            step = where / part
            if step.is_symlink():
                target = os.readlink(step)
                if target.startswith("/"):
                    where = self.base
                pending = [piece for piece in target.split("/") if piece not in ("", ".")] + pending
            else:
                where = step
        return where

    def real(self, path: str) -> str:
        """``path`` as the machine names it with every link followed; it need not exist."""
        if self.is_live:
            return os.path.realpath(path)
        return "/" + str(self.path(path).relative_to(self.base)).removeprefix(".")

    def exists(self, path: str) -> bool:
        """Whether a file, directory or device of that name is there."""
        try:
            return self.path(path).exists()
        except OSError:
            return False

    def read_bytes(self, path: str) -> bytes | None:
        """The whole file, or None; also for what is not a file, such as a FIFO, which would have to be waited for."""
        try:
            return read_file(self.path(path), _LARGEST_BYTES)
        except OSError:
            return None

    def read(self, path: str) -> str | None:
        """The whole file as text without surrounding blanks and NULs, or None."""
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf8", "replace").strip(" \t\r\n\0")

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted; empty when there is none."""
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def link_name(self, path: str) -> str | None:
        """The last component of a symbolic link's target, or None."""
        parent, _, name = path.rpartition("/")
        try:
            return os.readlink(self.path(parent or "/") / name).rstrip("/").rpartition("/")[2]
        except OSError:
            return None

    def write(self, path: str, text: str) -> None:
        """Write ``text`` to an existing file in one system call, as sysfs wants it. Raises OSError."""
        # a copy's file is a plain one, of which nothing old may stay
        handle = os.open(self.path(path), os.O_WRONLY if self.is_live else os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)


def who_may_change(path: str, trusted: frozenset[int] = frozenset({0})) -> str:
    """Who, other than the ``trusted`` users, may put another file in the place of ``path``, in words; "" if nobody.

    The file, each folder above it and the same of where links lead; what is not there is left out. In a
    folder with the sticky bit, such as /tmp, an entry belongs to its owner alone.
    """
    step = Path(os.path.abspath(path))
    looked_at = {step, Path(os.path.realpath(path))}
    while step.is_symlink() and len(looked_at) < _MOST_LINKS:
        step = Path(os.path.abspath(step.parent / os.readlink(step)))
        looked_at.add(step)
    for place in sorted({each for one in looked_at for each in (one, *one.parents)}):
        try:
            found = place.lstat()
        except OSError:
            continue
        if found.st_uid not in trusted:
            return f"{place} belongs to user {found.st_uid}"
        group, other = found.st_mode & stat.S_IWGRP and found.st_gid != 0, found.st_mode & stat.S_IWOTH
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if (group or other) and not sticky and not stat.S_ISLNK(found.st_mode):
            return f"{place} can be written by {'everybody' if other else f'group {found.st_gid}'}"
    return ""
