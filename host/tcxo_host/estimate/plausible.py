"""Numbers out of a stored state, taken only when an earlier run can have written them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

__all__ = ["number", "part", "text"]


def number(values: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """``values[key]`` as a float. Raises ValueError unless it is a number from ``low`` to ``high``."""
    value = values.get(key)
    # the comparison is false for NaN, and exact for whole numbers that no float holds
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"{key} = {short(value)} is not a number from {low:g} to {high:g}")
    return float(value)


def text(values: Mapping[str, Any], key: str, longest: int = 255) -> str:
    """``values[key]``. Raises ValueError unless it is printable text of up to ``longest`` characters."""
    value = values.get(key)
    if not isinstance(value, str) or len(value) > longest or not all(each.isprintable() for each in value):
        raise ValueError(f"{key} = {short(value)} is not a line of text")
    return value


def part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """``values[key]``. Raises ValueError unless it is a table of its own."""
    value = values.get(key)
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} = {short(value)} is not a table")
    return value
