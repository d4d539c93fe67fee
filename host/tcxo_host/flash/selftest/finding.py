"""What one check found. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FAILED", "NO_WIRE", "OK", "WARNING", "Finding", "count_finding"]

OK, WARNING, FAILED = "ok", "warning", "failed"
NO_WIRE = "wire"
"""Name of the finding that says whether the jumper is where it should be; the only one when it is not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``level`` is ok, warning or failed; ``text`` has the figures."""

    name: str
    level: str
    text: str


def count_finding(name: str, count: int, good: str, bad: str) -> Finding:
    """Failed where there are any."""
    return Finding(name, FAILED if count else OK, f"{count} {bad}" if count else good)
