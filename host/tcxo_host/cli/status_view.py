"""A daemon's status as rows for people: the same for plain text and the live screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config.paths import STALE_S
from ..daemon.chronyc import Tracking

__all__ = ["CLOCKS", "Ages", "Line", "span_text", "status_lines"]

CLOCKS = {
    "Pi": ("freq_error_ppm", "sigma_ppm"),
    "TCXO": ("tcxo_ppm", "tcxo_sigma_ppm"),
    "RTC": ("rtc_ppm", "rtc_sigma_ppm"),
}
"""By clock, the status' keys of frequency error and sigma."""
_FAULTS = {
    "lost": "lost",
    "overcaptures": "overcaptured",
    "overflows": "overflows",
    "duplicates": "repeated",
    "rejected": "rejected",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row. ``level``: ``ok``, ``warn``, ``bad`` or ``plain``, for colouring."""

    label: str
    text: str
    level: str = "plain"


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds since the status was written and since the board last closed a second (inf: before a reboot)."""

    written_s: float
    second_s: float | None

    @classmethod
    def of(cls, values: Mapping[str, Any], now_ns: int) -> Ages:
        """``now_ns``: CLOCK_MONOTONIC_RAW."""
        second_ns = values["host_ns"]
        return cls(
            _since(values["written_ns"], now_ns), None if second_ns is None else _since(second_ns, now_ns)
        )

    @property
    def is_stale(self) -> bool:
        """Whether the daemon that wrote the status has gone."""
        return self.written_s > STALE_S


def _since(then_ns: int, now_ns: int) -> float:
    age_s = (now_ns - then_ns) / 1e9
    return age_s if age_s >= 0 else float("inf")


def status_lines(
    values: Mapping[str, Any],
    ages: Ages,
    chrony: Tracking | None,
    *,
    asked: bool = True,
) -> list[Line]:
    """Everything worth a row. ``chrony``: what chronyd says of itself, None when it does not;
    ``asked``: whether it was.
    """
    lines = [_state(values, ages)]
    if values["board"]:
        who = values["board"]
        text = f"{who['board']}, firmware {who['firmware_version']}, boot {who['boot_id']}"
        lines.append(Line("board", text))
    lines += [_channel(role, each, ages.second_s) for role, each in values["channels"].items()]
    lines += [_clock(clock, values[ppm], values[sigma]) for clock, (ppm, sigma) in CLOCKS.items()]
    lines.append(_published(values, ages))
    if values.get("phase"):
        lines.append(_phase(values["phase"]))
    if values.get("ptp"):
        lines.append(_ptp(values["ptp"]))
    lines += _board_health(values)
    lines.append(_counters(values))
    if asked:
        lines.append(_chrony(chrony))
    return lines


def _state(values: Mapping[str, Any], ages: Ages) -> Line:
    if ages.is_stale:
        since = (
            "since before the last boot"
            if ages.written_s == float("inf")
            else f"for {span_text(ages.written_s)}"
        )
        text = f"the daemon has written nothing {since}: systemctl status tcxo-host tells why"
        return Line("state", f"{text} (it was: {values['state']})", "bad")
    level = {"track": "ok", "hold": "bad"}.get(values["state"], "warn")
    reason = f": {values['reason']}" if values["reason"] else ""
    return Line("state", f"{values['state']}{reason}", level)


def _channel(role: str, each: Mapping[str, Any], second_age_s: float | None) -> Line:
    if each["age_s"] is None or second_age_s is None:
        return Line(role, f"no edge yet ({each['rate_hz']:g} Hz expected)", "bad")
    edge_age_s = each["age_s"] + second_age_s
    rate = f"{each['rate_hz']:g} Hz" if each["seen_hz"] is None else f"{each['seen_hz']:.3f} Hz"
    faults = [f"{each[key]} {name}" for key, name in _FAULTS.items() if each[key]]
    text = ", ".join([rate, f"last edge {_ago(edge_age_s)}", f"{each['edges']} edges", *faults])
    # a second and two of its own periods, and the status itself is up to a second old
    return Line(role, text, "ok" if edge_age_s < 2.5 + 2 / max(each["rate_hz"], 0.01) else "bad")


def _clock(clock: str, ppm: float | None, sigma_ppm: float | None) -> Line:
    if ppm is None:
        return Line(clock, "unknown", "warn")
    sigma = f" ± {sigma_ppm:.4f}" if sigma_ppm is not None else ""
    return Line(clock, f"{ppm:+.4f}{sigma} ppm")


def _phase(phase: Mapping[str, Any]) -> Line:
    """GPS against the system clock, as chrony was told it, or why it was not."""
    if phase["state"] != "sent":
        level = "bad" if phase["state"] in ("unavailable", "no-chronyd") else "warn"
        return Line("phase", f"no sample ({phase['state']}): {phase['reason']}", level)
    text = (
        f"GPS {phase['offset_ns']:+.0f} ns from the system clock, ± {phase['half_width_ns']:.0f} ns constant"
    )
    return Line("phase", f"{text}, sigma {phase['sigma_ns']:.1f} ns, {phase['sent']} samples", "ok")


def _ptp(ptp: Mapping[str, Any]) -> Line:
    """What the PTP server on this machine announces."""
    if ptp["problem"]:
        return Line("PTP", f"ptp4l was not told what the clock is worth: {ptp['problem']}", "bad")
    told = {
        6: "synchronised to GPS",
        7: "holdover within specification",
        52: "lost, no longer to be followed",
    }
    clock_class = ptp["clock_class"]
    return Line(
        "PTP",
        f"class {clock_class}: {told.get(clock_class, 'default')}",
        "ok" if clock_class == 6 else "warn",
    )


def _published(values: Mapping[str, Any], ages: Ages) -> Line:
    value_ppm, since_utc_s = values["last_published_ppm"], values["last_published_utc_s"]
    if values["output"] is None:
        return Line("published", "nothing: measuring only")
    if value_ppm is None:
        return Line("published", f"nothing since the daemon's start; {values['output']} is as it was", "warn")
    age_s = max(0.0, values["utc_s"] - since_utc_s) + ages.written_s
    baseline = (
        f", baseline {values['baseline_ppm']:+.3f} ppm left to chrony" if values["baseline_ppm"] else ""
    )
    text = f"{value_ppm:+.6f} ppm, {_ago(age_s)}, in {values['output']}{baseline}"
    return Line("published", text, "ok" if age_s < STALE_S else "warn")


def _board_health(values: Mapping[str, Any]) -> list[Line]:
    status = values["board_status"]
    if not status:
        return []
    sensors = (("MCU", "mcu_c"), ("external", "external_c"))
    heat = [f"{name} {status[key]:.1f} °C" for name, key in sensors if status[key] is not None]
    supply = [f"supply {status['supply_v']:.2f} V"] if status["supply_v"] is not None else []
    return [Line("health", ", ".join([*heat, *supply, f"up {span_text(status['uptime_s'])}"]))]


def _counters(values: Mapping[str, Any]) -> Line:
    line, status = values["line"], values["board_status"] or {}
    faults = {
        "lost": line["lost_frames"],
        "damaged": line["bad_frames"],
        "dropped by the board": status.get("frames_dropped", 0),
        "bad records": line["bad_records"],
    }
    shown = ", ".join(f"{count} {name}" for name, count in faults.items())
    return Line("frames", f"{line['frames']} received, {shown}", "warn" if any(faults.values()) else "plain")


def _chrony(chrony: Tracking | None) -> Line:
    if chrony is None:
        return Line("chrony", "no answer (chronyc tracking)", "warn")
    if not chrony.updated_utc_s:
        return Line("chrony", "not synchronised", "warn")
    text = (
        f"{chrony.reference}, stratum {chrony.stratum}; last offset {chrony.last_offset_s * 1e9:+.0f} ns,"
        f" rms {chrony.rms_offset_s * 1e9:.0f} ns; own frequency {chrony.freq_ppm:+.3f} ppm,"
        f" residual {chrony.residual_ppm:+.3f} ppm"
    )
    return Line("chrony", text, "ok" if chrony.is_synchronised else "warn")


def _ago(seconds: float) -> str:
    return "before the last boot" if seconds == float("inf") else f"{span_text(seconds)} ago"


def span_text(seconds: float) -> str:
    """``0.4 s``, ``12 min``, ``3 h 05 min``, ``2 d 4 h``."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
