"""Rows of numbers as they come, without an object a number: a month of two clocks is five million rows. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["RowTable"]

Floats = npt.NDArray[np.float64]


class RowTable:
    """Rows of ``columns`` numbers each; 8 bytes a number."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._numbers = array("d")

    def __len__(self) -> int:
        return len(self._numbers) // self._columns

    def add(self, row: Iterable[float]) -> None:
        """Append one row; it must have as many numbers as there are columns."""
        self._numbers.extend(row)

    def columns(self, sort: bool = False) -> tuple[Floats, ...]:
        """The columns, an array each, in the order of the rows; ``sort``: by the first one, equals as they came."""
        table = np.frombuffer(self._numbers, np.float64).reshape(-1, self._columns)
        if not sort or np.all(table[1:, 0] >= table[:-1, 0]):
            return tuple(column.copy() for column in table.T)
        order = np.argsort(table[:, 0], kind="stable")
        return tuple(column[order] for column in table.T)
