"""Where the oven keeps what it learned and did, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CURVE_KIND", "UNIT", "HeatPaths"]

UNIT = "tcxo-host-heat.service"
CURVE_KIND = "tcxo-host heat curve"
_FOLDER = "/var/lib/tcxo-host-heat"
_STATUS = "/run/tcxo-host-heat/status.json"


@dataclass(frozen=True, slots=True)
class HeatPaths:
    """``free``: the record without burning; ``learned``: that which the curve is fitted to; ``held``: of holding."""

    free: Path
    learned: Path
    curve: Path
    held: Path
    status: Path

    @classmethod
    def of(cls, folder: str | None) -> HeatPaths:
        """All in ``folder``; None: where the service keeps them."""
        base = Path(folder or _FOLDER)
        status = base / "status.json" if folder else Path(_STATUS)
        return cls(
            base / "free.jsonl", base / "learn.jsonl", base / "curve.json", base / "hold.jsonl", status
        )
