"""Rows on disk: JSON lines, appended; the older half moves aside when the file has grown."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ...errors import DataError, OutputError
from ...files import open_file, read_file
from .averages import Row, row_of

__all__ = ["Record", "only_one", "read_rows"]

_LARGEST_BYTES = 32 << 20
"""Some three weeks of rows."""


class Record:
    """Appends rows to a file. Raises OutputError when that fails."""

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if anew and path.exists():
                os.replace(path, path.with_name(path.name + ".1"))
            os.close(self._open())
        except OSError as error:
            raise self._refusal(error) from None

    def add(self, row: Row) -> None:
        """One more row."""
        try:
            if self._path.stat().st_size > _LARGEST_BYTES:
                os.replace(self._path, self._path.with_name(self._path.name + ".1"))
            descriptor = self._open()
            try:
                os.write(descriptor, (json.dumps(asdict(row)) + "\n").encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._refusal(error) from None

    def _open(self) -> int:
        return open_file(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path}: cannot be written: {error.strerror}")


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Two ovens on one Pi would each take the other's burning for work. Raises OutputError for the second."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # whoever made it, others may still lock it: reading is enough for that
        descriptor = open_file(path, os.O_RDONLY | os.O_CREAT)
    except OSError as error:
        raise OutputError(f"{path}: cannot be locked: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError(
            f"{path}: another 'tcxo-host heat' runs: end it first (tcxo-host heat off)"
        ) from None
    finally:
        os.close(descriptor)


def read_rows(path: Path) -> list[Row]:
    """Every row of a record. Raises DataError for what is none; a last line without its end is left out."""
    try:
        data = read_file(path, 2 * _LARGEST_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    rows = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError("not an object")
            rows.append(row_of(values))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    return rows
