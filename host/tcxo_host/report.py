"""Rows and status as JSON-able values: the trace, the status file and the replay speak the same names. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from tcxo_protocol.framing import LineCounts

from .pipeline import Pipeline, Row

__all__ = ["STATUS_VERSION", "row_values", "status_values"]

STATUS_VERSION = 1


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
        "boot_id": row.boot_id,
        "host_ns": row.host_ns,
    }


def status_values(row: Row, pipeline: Pipeline, line: LineCounts) -> dict[str, Any]:
    """Everything a person or a graph asks of a running daemon, after ``row``."""
    collector, status = pipeline.collector, pipeline.status
    identify = collector.identify
    return {
        "version": STATUS_VERSION,
        **row_values(row),
        "board": dataclasses.asdict(identify) if identify else None,
        "board_status": dataclasses.asdict(status) if status else None,
        "channels": {
            role: {
                "rate_hz": ledger.rate_hz,
                "edges": ledger.seen,
                "lost": ledger.lost,
                "duplicates": ledger.duplicates,
                "overcaptures": ledger.overcaptures,
                "overflows": ledger.overflows,
                "rejected": row.estimate.rejected.get(role, 0),
                "age_s": _age_s(ledger.last_tick, row, identify.tick_hz if identify else 0),
            }
            for role, ledger in collector.ledgers.items()
        },
        "line": {**dataclasses.asdict(line), "bad_records": pipeline.bad_records},
    }


def _age_s(last_tick: int | None, row: Row, tick_hz: int) -> float | None:
    return None if last_tick is None or not tick_hz else round((row.tick - last_tick) / tick_hz, 3)


def _six(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
