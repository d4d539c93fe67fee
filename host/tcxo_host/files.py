"""Opening files at paths that a user names: never waiting, never something else than a file, never too much."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["LARGEST_BYTES", "open_file", "read_file"]

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

    Raises OSError, with EINVAL and what it is for anything else. A FIFO does not block, nor is one without a
    reader or writer taken for an empty file.
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
