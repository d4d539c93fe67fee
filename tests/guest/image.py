"""What a guest boots from: an initial file system and a device tree, made without tools of other people.

cpio: the "new ASCII" format of the kernel's initramfs documentation. Device tree: the flattened format
of the Devicetree Specification, chapter 5.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .debian import UNUSED_STDLIB

_FDT_BEGIN, _FDT_END, _FDT_PROP, _FDT_NOP = 1, 2, 3, 4


class Cpio:
    """An initial file system in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._seen: set[str] = set()
        self._inode = 0

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        """Add one entry, its parent folders first. ``mode`` includes the file type."""
        parent = name.rpartition("/")[0]
        if parent and parent not in self._seen:
            self.add(parent, stat.S_IFDIR | 0o755)
        if name in self._seen:
            return
        self._seen.add(name)
        self._entry(name, mode, data)

    def add_tree(self, base: Path, at: str = "", keep: Callable[[str], bool] = lambda name: True) -> None:
        """Add everything below ``base`` whose relative name ``keep`` accepts, under the folder ``at``."""
        for path in sorted(base.rglob("*")):
            name = str(path.relative_to(base))
            if not keep(name):
                continue
            full = f"{at}/{name}" if at else name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self.add(full, stat.S_IFLNK | 0o777, os.readlink(path).encode())
            elif stat.S_ISREG(mode):
                self.add(full, stat.S_IFREG | (mode & 0o777), path.read_bytes())
            elif stat.S_ISDIR(mode):
                self.add(full, stat.S_IFDIR | 0o755)

    def finish(self) -> bytes:
        """The archive."""
        self._entry("TRAILER!!!", 0, b"")
        return b"".join(self._parts)

    def _entry(self, name: str, mode: int, data: bytes) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(b"%08x" % value for value in fields)
        self._parts += [_padded(head + encoded), _padded(data)]


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def worth_keeping(name: str) -> bool:
    """Whether a file of an unpacked package is of use in the guest."""
    if name.startswith(("usr/share", "usr/include", "usr/lib/debug", "var", "etc")) or name.endswith(
        (".a", ".pyc")
    ):
        return False
    parts = name.split("/")
    if any(part in ("gconv", "__pycache__", "systemd", "tests") for part in parts):
        return False
    return not ("python3.11" in parts and any(part in UNUSED_STDLIB for part in parts))


def modules(kernel: Path, wanted: Iterable[str]) -> list[Path]:
    """The .ko files of ``wanted`` in loading order, with what they depend on; built-in ones left out."""
    found = {path.stem.replace("-", "_"): path for path in kernel.rglob("*.ko")}
    order: list[Path] = []

    def visit(name: str) -> None:
        path = found.get(name.replace("-", "_"))
        if path is None or path in order:
            return
        match = re.search(rb"\0depends=([\w,-]*)\0", path.read_bytes())
        for needed in (match[1].decode() if match else "").split(","):
            visit(needed)
        order.append(path)

    for name in wanted:
        visit(name)
    return order


def without_node(blob: bytes, name: str) -> bytes:
    """The device tree without the nodes called ``name``: their tokens become NOPs."""
    out = bytearray(blob)
    for start, end in _nodes(blob, name.encode()):
        out[start:end] = struct.pack(">I", _FDT_NOP) * ((end - start) // 4)
    return bytes(out)


def _nodes(blob: bytes, name: bytes) -> Iterator[tuple[int, int]]:
    (position,) = struct.unpack_from(">I", blob, 8)
    size = struct.unpack_from(">I", blob, 36)[0]
    last = position + size
    depth, start, start_depth = 0, None, 0
    while position < last:
        (token,) = struct.unpack_from(">I", blob, position)
        begin = position
        position += 4
        if token == _FDT_BEGIN:
            end = blob.index(b"\0", position)
            depth += 1
            if start is None and blob[position:end] == name:
                start, start_depth = begin, depth
            position = (end + 4) & ~3
        elif token == _FDT_END:
            if start is not None and depth == start_depth:
                yield start, position
                start = None
            depth -= 1
        elif token == _FDT_PROP:
            (length,) = struct.unpack_from(">I", blob, position)
            position = (position + 8 + length + 3) & ~3
