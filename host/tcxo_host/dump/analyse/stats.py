"""Figures about a capture: what is in it, and each clock's frequency error. Pure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from ...capture.columns import Capture
from ...capture.session_columns import ChannelEdges, Session
from .series import CLOCK_OF_ROLE, Clean, Series, against, clean_edges, frequency_ppm, series_of

__all__ = ["PERCENTILES", "WINDOW_S", "capture_info", "channel_stats", "spread"]

Floats = npt.NDArray[np.float64]

WINDOW_S = 64.0
"""The article's average."""
PERCENTILES = (1, 25, 50, 75, 99)


def capture_info(capture: Capture) -> dict[str, Any]:
    """What a capture holds, as JSON-able values."""
    span_s = (capture.last_utc_s or 0.0) - (capture.first_utc_s or 0.0)
    boards = []
    for session in capture.sessions:
        who, last = session.identify, session.last_status
        boards.append(
            {
                "board": who.board,
                "boot_id": f"{who.boot_id:08x}",
                "firmware": who.firmware_version,
                "micropython": who.micropython_version,
                "protocol": f"{who.protocol_major}.{who.protocol_minor}",
                "reset_cause": who.reset_cause,
                "tick_hz": who.tick_hz,
                "first_utc_s": session.first_utc_s,
                "seconds": len(session.status.tick),
                "frames_dropped": last.frames_dropped if last else None,
                "temperature_c": _range(session.status.temperature_c),
                "channels": {
                    role: {
                        "rate_hz": channel.rate_hz,
                        "edges": int(channel.ticks.size),
                        "lost": channel.lost,
                        "duplicates": channel.duplicates,
                        "overcaptures": channel.overcaptures,
                        "overflows": channel.overflows,
                    }
                    for role, channel in session.channels.items()
                },
            }
        )
    return {
        "first_utc_s": capture.first_utc_s,
        "last_utc_s": capture.last_utc_s,
        "span_s": span_s,
        "hosts": capture.hosts,
        "frames": capture.frames,
        "bad_frames": capture.bad_frames,
        "lost_frames": capture.lost_frames,
        "bad_records": capture.bad_records,
        "ignored_records": capture.ignored_records,
        "link_openings": capture.link_openings,
        "resets": max(0, len(capture.sessions) - 1),
        "edges": sum(int(each.ticks.size) for s in capture.sessions for each in s.channels.values()),
        "lost_edges": sum(each.lost for s in capture.sessions for each in s.channels.values()),
        "gaps": [{"utc_s": at, "seconds": seconds} for at, seconds in capture.gaps],
        "boards": boards,
    }


def channel_stats(capture: Capture, window_s: float = WINDOW_S) -> dict[str, Any]:
    """Per channel the frequency error of the clock that it shows, edge by edge and averaged.

    ``digits``: the decimals of a ppm that the counter resolves. ``against``: ``gps_pps`` where GPS gives the counter's
    own error, else ``counter`` (nominal ticks).
    """
    gathered: dict[str, dict[str, Any]] = {}
    for session in capture.sessions:
        for role, values in _session_stats(session, window_s).items():
            into = gathered.setdefault(role, {"raw": [], "avg": [], "counts": {}, "against": set()})
            into["raw"].append(values["raw"])
            into["avg"].append(values["avg"])
            into["against"].add(values["against"])
            into["resolution_ppm"] = values["resolution_ppm"]
            for name, count in values["counts"].items():
                into["counts"][name] = into["counts"].get(name, 0) + count
    result: dict[str, Any] = {}
    for role in list(gathered):
        values = gathered.pop(role)
        result[role] = {
            "clock": CLOCK_OF_ROLE.get(role, role),
            "against": "+".join(sorted(values["against"])),
            **values["counts"],
            "digits": {
                "raw": digits(values["resolution_ppm"]["raw"]),
                f"avg{window_s:g}": digits(values["resolution_ppm"]["avg"]),
            },
            "raw": spread(_joined(values["raw"])),
            f"avg{window_s:g}": spread(_joined(values["avg"])),
        }
    return result


def digits(resolution_ppm: float) -> int:
    """Decimals of a figure in ppm of what a counter resolves so far: as many as that, at least four."""
    return min(9, max(4, math.ceil(-math.log10(resolution_ppm)))) if resolution_ppm > 0 else 4


def spread(values: Floats) -> dict[str, float] | None:
    """Number, mean, standard deviation, extremes and percentiles, ppm; None when there are no values."""
    if values.size == 0:
        return None
    low, quarter, median, three_quarters, high = np.percentile(values, PERCENTILES)
    return {
        "n": int(values.size),
        "mean_ppm": float(values.mean()),
        "std_ppm": float(values.std()),
        "min_ppm": float(values.min()),
        "max_ppm": float(values.max()),
        "p1_ppm": float(low),
        "p25_ppm": float(quarter),
        "p50_ppm": float(median),
        "p75_ppm": float(three_quarters),
        "p99_ppm": float(high),
    }


def _session_stats(session: Session, window_s: float) -> dict[str, dict[str, Any]]:
    tcxo_tick, tcxo_ppm = np.empty(0), np.empty(0)
    result = {}
    order = sorted(session.channels, key=lambda role: role != Role.GPS_PPS.label)
    for role in order:
        channel = session.channels[role]
        if channel.rate_hz <= 0:
            continue
        clean = clean_edges(channel.ticks, session.tick_hz / channel.rate_hz)
        series = series_of(session, channel, clean)
        tick, ppm = frequency_ppm(series, window_s)
        known = ~np.isnan(ppm)
        tick, ppm = tick[known], ppm[known]
        if role == Role.GPS_PPS.label:
            tcxo_tick, tcxo_ppm = (tick, ppm) if ppm.size else _whole_ppm(series)
        raw_tick, raw = _raw_ppm(session, channel, clean)
        if role != Role.GPS_PPS.label:
            ppm = _relative(tick, ppm, tcxo_tick, tcxo_ppm)
            raw = _relative(raw_tick, raw, tcxo_tick, tcxo_ppm)
        result[role] = {
            "raw": raw,
            "avg": ppm,
            "resolution_ppm": {
                "raw": 1e6 * channel.rate_hz / session.tick_hz,
                "avg": 1e6 / (window_s * session.tick_hz),
            },
            "against": Role.GPS_PPS.label if tcxo_ppm.size else "counter",
            "counts": {
                "edges": int(channel.ticks.size),
                "lost": channel.lost,
                "duplicates": channel.duplicates,
                "missed": clean.missed,
                "doubled": clean.doubled,
                "outliers": clean.outliers,
            },
        }
    return result


def _whole_ppm(series: Series) -> tuple[Floats, Floats]:
    """One value over all of a signal that is shorter than a window; empty without two edges in a segment."""
    known = np.flatnonzero(~np.isnan(series.x_s))
    if known.size < 2 or series.segment[known[0]] != series.segment[known[-1]]:
        return np.empty(0), np.empty(0)
    first, last = known[0], known[-1]
    ppm = (series.x_s[last] - series.x_s[first]) / ((last - first) * series.interval_s) * 1e6
    return series.tick[last : last + 1], np.array([ppm])


def _raw_ppm(session: Session, channel: ChannelEdges, clean: Clean) -> tuple[npt.NDArray[np.int64], Floats]:
    """From each edge to the next, where no edge is missing between them."""
    period = session.tick_hz / channel.rate_hz
    ppm = np.diff(clean.ticks).astype(np.float64)
    ppm /= period
    ppm -= 1.0
    ppm *= 1e6
    neighbours = np.diff(clean.cycles) == 1
    if neighbours.all():
        return clean.ticks[1:], ppm
    return clean.ticks[1:][neighbours], ppm[neighbours]


def _relative(
    tick: Floats | npt.NDArray[np.int64], ppm: Floats, tcxo_tick: Floats, tcxo_ppm: Floats
) -> Floats:
    return against(ppm, np.interp(tick, tcxo_tick, tcxo_ppm) if tcxo_ppm.size else 0.0)


def _joined(parts: list[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _range(values: Floats) -> dict[str, float] | None:
    known = values[~np.isnan(values)]
    if known.size == 0:
        return None
    return {"min": float(known.min()), "mean": round(float(known.mean()), 3), "max": float(known.max())}
