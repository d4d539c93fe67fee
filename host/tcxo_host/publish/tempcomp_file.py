"""Writing the file that chrony reads: whole, readable, and by one daemon only."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from .. import tempcomp
from ..errors import OutputError
from ..files import open_file, replace_file

__all__ = ["TempcompFile"]


class TempcompFile:
    """The output file, held against a second daemon by a lock on ``.NAME.lock`` beside it.

    Neither opening nor closing touches the file itself: chrony keeps applying the last value it read.
    Raises OutputError when the folder cannot be written or another daemon holds the lock.
    """

    def __init__(self, path: str) -> None:
        # /run/tcxo may be a link into a folder that we may write; renaming over the link would replace it
        self.path = Path(os.path.realpath(path))
        self._lock = _take_lock(self.path)

    def write(self, value_ppm: float) -> None:
        """Publish one value, ppm. Raises OutputError; the old value then stays."""
        try:
            replace_file(self.path, tempcomp.text_of(value_ppm))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write: {error.strerror}; the old value stays") from None

    def close(self) -> None:
        """Let another daemon have the file."""
        os.close(self._lock)


def _take_lock(path: Path) -> int:
    name = path.with_name(f".{path.name}.lock")
    if path.is_dir():
        raise OutputError(f"{path}: is a directory, expected the name of a file")
    try:
        descriptor = open_file(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot write in {path.parent} ({error.strerror}): choose another --output,"
            " or install the service (tcxo-host install)"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise OutputError(
            f"{path}: another tcxo-host (process {owner}) writes this file: stop it first, or choose another --output"
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise OutputError(f"{name}: cannot be locked ({error.strerror}): choose another --output") from None
    with contextlib.suppress(OSError):  # a full disk: the lock holds without its owner's name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
