"""What a setting is made of: default, help, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

__all__ = ["setting"]


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    check: Callable[[str], object] | None = None,
) -> Any:
    """A field of a section: its default, one line for people, and what is allowed (bounds inclusive).

    ``check`` raises UsageError for a text that is not allowed.
    """
    allowed = {"choices": choices, "low": low, "high": high, "check": check}
    return field(default=default, metadata={"help": help, **allowed})
