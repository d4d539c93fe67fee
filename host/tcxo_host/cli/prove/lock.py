"""One trial at a time: a lock that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import OutputError, PermissionRefused
from ...files import open_file

__all__ = ["only_one"]


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock at ``path``. Raises OutputError when another process does, PermissionRefused without the right."""
    try:
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    except PermissionError:
        raise PermissionRefused(f"{path} cannot be written", "run this with sudo") from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"{path}: another comparison is running", "let it end, or end it") from None
        yield
    finally:
        os.close(descriptor)
