"""The one door to the machine's files: everything in this package sees them through a ``Root``."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Root"]


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
        """The whole file, or None."""
        try:
            return self.path(path).read_bytes()
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
        handle = os.open(self.path(path), os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)
