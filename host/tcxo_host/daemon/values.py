"""Rows and status as JSON-able values: the trace, the status file and the replay speak the same names. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tcxo_protocol.framing import LineCounts
from tcxo_protocol.json_names import boot_text, identify_values

from ..estimate.interface import State
from .pipeline import Pipeline, Row

__all__ = ["STATUS_VERSION", "row_values", "status_values"]

STATUS_VERSION = 2


def row_values(row: Row) -> dict[str, Any]:
    """One second, flat. Units as in ``Row`` and ``Estimate``; None where unknown."""
    estimate = row.estimate
    return {
        "time_s": round(row.time_s, 6),
        "state": str(row.state),
        "reason": row.reason,
        "published_ppm": row.published_ppm,
        "freq_error_ppm": _six(estimate.freq_error_ppm),
        "sigma_ppm": _six(estimate.sigma_ppm),
        "tcxo_ppm": _six(estimate.tcxo_ppm),
        "tcxo_sigma_ppm": _six(estimate.tcxo_sigma_ppm),
        "rtc_ppm": _six(estimate.rtc_ppm),
        "rtc_sigma_ppm": _six(estimate.rtc_sigma_ppm),
        "temperature_c": row.temperature_c,
        "baseline_ppm": row.baseline_ppm,
        "tick": row.tick,
        "boot_id": boot_text(row.boot_id),
        "host_ns": row.host_ns,
    }


def status_values(
    row: Row | None, pipeline: Pipeline, line: LineCounts, seen_hz: Mapping[str, float | None] | None = None
) -> dict[str, Any]:
    """Everything about a running daemon that is shown or graphed, after ``row``; None: no second has closed yet.

    ``seen_hz``: the rates at which edges come, by role. ``age_s`` of a channel: from its last edge to ``row``.
    """
    collector, status = pipeline.collector, pipeline.status
    identify = collector.identify
    rejected = row.estimate.rejected if row else {}
    return {
        "version": STATUS_VERSION,
        **(row_values(row) if row else _NO_ROW),
        "board": identify_values(identify) if identify else None,
        "board_status": dataclasses.asdict(status) if status else None,
        "channels": {
            role: {
                "rate_hz": ledger.rate_hz,
                "seen_hz": _six((seen_hz or {}).get(role)),
                "edges": ledger.seen,
                "lost": ledger.lost,
                "duplicates": ledger.duplicates,
                "overcaptures": ledger.overcaptures,
                "overflows": ledger.overflows,
                "rejected": rejected.get(role, 0),
                "age_s": _age_s(ledger.last_tick, row, identify.tick_hz if identify else 0),
            }
            for role, ledger in collector.ledgers.items()
        },
        "line": {**dataclasses.asdict(line), "bad_records": pipeline.bad_records},
    }


def _age_s(last_tick: int | None, row: Row | None, tick_hz: int) -> float | None:
    if last_tick is None or row is None or not tick_hz:
        return None
    return round((row.tick - last_tick) / tick_hz, 3)


def _six(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


_NO_ROW: dict[str, Any] = {
    "time_s": None,
    "state": str(State.HOLD),
    "reason": "nothing received yet",
    "published_ppm": None,
    "freq_error_ppm": None,
    "sigma_ppm": None,
    "tcxo_ppm": None,
    "tcxo_sigma_ppm": None,
    "rtc_ppm": None,
    "rtc_sigma_ppm": None,
    "temperature_c": None,
    "baseline_ppm": None,
    "tick": None,
    "boot_id": None,
    "host_ns": None,
}
