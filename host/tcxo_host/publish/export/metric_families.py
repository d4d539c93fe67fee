"""A daemon's status as Prometheus metrics: base units, and ``_ppms`` as chrony_exporter has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from tcxo_protocol.spec import role_name

from ...estimate.interface import State

__all__ = ["families"]

_CLOCKS = {
    "pi": ("freq_error_ppm", "sigma_ppm"),
    "tcxo": ("tcxo_ppm", "tcxo_sigma_ppm"),
    "rtc": ("rtc_ppm", "rtc_sigma_ppm"),
}
# name after tcxo_channel_ -> (key of the status, help)
_CHANNEL_COUNTERS = {
    "edges": ("edges", "Edges received from the board."),
    "lost_edges": ("lost", "Edges that the running numbers say are missing."),
    "repeated_edges": ("duplicates", "Edges received more than once, counted once."),
    "overcaptures": ("overcaptures", "Records before which edges were overwritten in the board's timer."),
    "overflows": ("overflows", "Records before which edges found no room on the board."),
    "rejected_edges": ("rejected", "Edges dropped by the estimator as outliers."),
}
_BOARD_COUNTERS = {
    "frames_sent": ("frames_sent", "Frames the board has sent since its start."),
    "frames_dropped": ("frames_dropped", "Frames the board could not send since its start."),
}
_BOARD_CHANNEL_COUNTERS = {
    "edges": ("edges", "Edges the board has captured since its start."),
    "overcaptures": ("overcaptures", "Edges overwritten in the board's timer since its start."),
    "ring_drops": ("ring_drops", "Edges that found no room on the board since its start."),
}
_LINE_COUNTERS = {
    "frames": ("frames", "Intact frames received."),
    "bad_frames": ("bad_frames", "Damaged frames received."),
    "lost_frames": ("lost_frames", "Frames that the sequence numbers say are missing."),
    "skipped_bytes": ("skipped_bytes", "Bytes received that belong to no intact frame."),
    "bad_records": ("bad_records", "Records in intact frames that were not valid."),
}
_PHASE_NS = {
    "offset": "GPS time minus the system clock, as chrony was told.",
    "half_width": "Bound of that offset's constant error.",
    "sigma": "Standard deviation of GPS time against the PWM.",
}
_SINGLES = {
    "tcxo_published_ppms": ("last_published_ppm", "Value last written for chrony, + makes its clock faster."),
    "tcxo_published_timestamp_seconds": ("last_published_utc_s", "When it was written."),
    "tcxo_baseline_ppms": ("baseline_ppm", "Part of the Pi's frequency error that is left to chrony."),
    "tcxo_last_second_timestamp_seconds": ("last_second_utc_s", "When the board last closed a second."),
    "tcxo_status_timestamp_seconds": (
        "utc_s",
        "When the daemon last wrote its status: each second while it runs.",
    ),
    "tcxo_trial_held": ("trial_held", "1 while a trial (prove --benefit) leaves chrony's file as it is."),
}


def families(core: ModuleType, version: str, values: Mapping[str, Any] | None) -> Iterator[Any]:
    """All metrics of one moment. ``values``: the status as the daemon writes it; None: only ``tcxo_info``.

    ``core`` is ``prometheus_client.core``, handed in because it is optional. ``version``: the
    daemon's. What is not known is left out.
    """
    yield _info(core, version, (values or {}).get("board"))
    if values is not None:
        yield from _clocks(core, values)
        yield from _singles(core, values)
        yield from _channels(core, values)
        yield from _board(core, values)
        yield from _counters(core, "tcxo_line", _LINE_COUNTERS, values["line"])
        if values.get("phase"):
            yield from _phase(core, values["phase"])
        if (values.get("ptp") or {}).get("clock_class") is not None:
            told, clock_class = "Clock class that ptp4l announces.", values["ptp"]["clock_class"]
            yield core.GaugeMetricFamily("tcxo_ptp_clock_class", told, value=clock_class)


def _info(core: Any, version: str, board: Mapping[str, Any] | None) -> Any:
    labels = {"version": version}
    if board:
        labels |= {
            "board": board["board"],
            "firmware": board["firmware_version"],
            "micropython": board["micropython_version"],
            "boot_id": board["boot_id"],
        }
    return core.InfoMetricFamily("tcxo", "The daemon's version, and the board.", labels)


def _clocks(core: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    error = _gauge(
        core, "tcxo_frequency_error_ppms", "Frequency error of a clock, + when it is fast.", "clock"
    )
    sigma = _gauge(core, "tcxo_frequency_error_sigma_ppms", "Standard deviation of that error.", "clock")
    for clock, keys in _CLOCKS.items():
        for family, key in zip((error, sigma), keys, strict=True):
            if values[key] is not None:
                family.add_metric([clock], values[key])
    yield error
    yield sigma
    state = _gauge(core, "tcxo_state", "1 for the state the estimate is in, 0 for the others.", "state")
    for each in list(State):
        state.add_metric([str(each)], float(values["state"] == each))
    yield state


def _singles(core: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    for name, (key, text) in _SINGLES.items():
        if values[key] is not None:
            yield core.GaugeMetricFamily(name, text, value=float(values[key]))


def _channels(core: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    channels: Mapping[str, Mapping[str, Any]] = values["channels"]
    nominal = _gauge(core, "tcxo_channel_nominal_hertz", "Edges a second that are expected.", "channel")
    seen = _gauge(core, "tcxo_channel_seen_hertz", "Edges a second over the last ten.", "channel")
    age = _gauge(core, "tcxo_channel_last_edge_age_seconds", "Age of a channel's last edge.", "channel")
    for role, each in channels.items():
        nominal.add_metric([role], each["rate_hz"])
        if each["seen_hz"] is not None:
            seen.add_metric([role], each["seen_hz"])
        if each["age_s"] is not None:
            # the board's clock up to its last second, the host's from there on
            age.add_metric([role], each["age_s"] + (values["written_ns"] - values["host_ns"]) / 1e9)
    yield from (nominal, seen, age)
    for name, (key, text) in _CHANNEL_COUNTERS.items():
        family = core.CounterMetricFamily(f"tcxo_channel_{name}", text, labels=["channel"])
        for role, each in channels.items():
            family.add_metric([role], each[key])
        yield family


def _board(core: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    status, board = values["board_status"], values["board"]
    if not status or not board:  # a status may come before the board has said who it is
        return
    uptime = "Time since the board's start."
    yield core.GaugeMetricFamily("tcxo_board_uptime_seconds", uptime, value=status["uptime_s"])
    heat = _gauge(core, "tcxo_board_temperature_celsius", "The board's temperature sensors.", "sensor")
    for sensor in ("mcu", "external"):
        if status[f"{sensor}_c"] is not None:
            heat.add_metric([sensor], status[f"{sensor}_c"])
    yield heat
    if status["supply_v"] is not None:
        supply = "The board's supply voltage."
        yield core.GaugeMetricFamily("tcxo_board_supply_volts", supply, value=status["supply_v"])
    yield from _counters(core, "tcxo_board", _BOARD_COUNTERS, status)
    roles = {each["id"]: role_name(each["role"]) for each in board["channels"]}
    for name, (key, text) in _BOARD_CHANNEL_COUNTERS.items():
        family = core.CounterMetricFamily(f"tcxo_board_channel_{name}", text, labels=["channel"])
        for each in status["channels"]:
            family.add_metric([roles.get(each["id"], str(each["id"]))], each[key])
        yield family


def _phase(core: Any, phase: Mapping[str, Any]) -> Iterator[Any]:
    state = _gauge(
        core, "tcxo_phase_state", "1 for what became of the last phase sample: sent, or why not.", "state"
    )
    state.add_metric([phase["state"]], 1.0)
    yield state
    for name, text in _PHASE_NS.items():
        if phase.get(f"{name}_ns") is not None:
            yield core.GaugeMetricFamily(f"tcxo_phase_{name}_seconds", text, value=phase[f"{name}_ns"] * 1e-9)
    sent = "Phase samples that chronyd took."
    yield core.CounterMetricFamily("tcxo_phase_samples", sent, value=phase.get("sent", 0))


def _counters(
    core: Any, prefix: str, counters: Mapping[str, tuple[str, str]], values: Mapping[str, Any]
) -> Iterator[Any]:
    for name, (key, text) in counters.items():
        yield core.CounterMetricFamily(f"{prefix}_{name}", text, value=values[key])


def _gauge(core: Any, name: str, text: str, label: str) -> Any:
    return core.GaugeMetricFamily(name, text, labels=[label])
