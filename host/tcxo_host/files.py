"""Opening files at paths that a user names: never waiting, never reading anything but a file, never too much."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

__all__ = ["LARGEST_BYTES", "open_file", "read_file", "replace_file"]

LARGEST_BYTES = 1 << 20
"""No setting, state or status of ours has more."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}


def open_file(path: str | Path, flags: int, mode: int = 0o644, *, devices: bool = False) -> int:
    """A descriptor of the regular file at ``path``, as ``os.open`` gives it; ``devices``: or of a character
    device, such as ``/dev/null``.

    Raises OSError, with EINVAL and what it is for anything else. A FIFO does not block, and one without a
    reader or writer is not taken for an empty file.
    """
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads, or a socket
            raise OSError(errno.EINVAL, _not_a_file(os.stat(path).st_mode), str(path)) from None
        raise
    found = os.fstat(descriptor).st_mode
    if stat.S_ISREG(found) or (devices and stat.S_ISCHR(found)):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, _not_a_file(found), str(path))


def read_file(path: str | Path, largest: int = LARGEST_BYTES) -> bytes:
    """All of the regular file at ``path``. Raises OSError, with EFBIG for more than ``largest`` bytes."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"has more than {largest} bytes", str(path))
    return data


def _not_a_file(mode: int) -> str:
    return f"is {_KINDS.get(stat.S_IFMT(mode), 'not a file')}, expected a file"


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and rename it over ``path``, mode 0644. Raises OSError.

    A reader sees the old file or the new one, never a part of one, even when there is no room for all of it. No
    fsync: after a crash of the machine the file in /run is gone anyway. One writer at a time: anything at
    the temporary name ``.NAME.new`` is left from a crash.
    """
    temporary, descriptor = _open_new(path)
    try:
        try:
            os.fchmod(descriptor, 0o644)  # chronyd reads it as another user, whatever our umask says
            rest = memoryview(content)
            while rest:  # a full disk takes a part first, and reports that it is full only at the next try
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _open_new(path: Path) -> tuple[Path, int]:
    """A file that was not there before: no FIFO to wait for, no link to follow."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    temporary = path.with_name(f".{path.name}.new")
    try:
        return temporary, os.open(temporary, flags, 0o644)
    except FileExistsError:
        with contextlib.suppress(OSError):
            temporary.unlink()
    try:
        return temporary, os.open(temporary, flags, 0o644)
    except FileExistsError:  # a directory
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        with contextlib.suppress(OSError):
            temporary.unlink()
        return temporary, os.open(temporary, flags, 0o644)
