"""A daemon's status as MQTT messages that Home Assistant discovers: topics, names, units. Pure.

Discovery as in Home Assistant's documentation of its MQTT integration ("MQTT discovery", "MQTT sensor"): one retained
configuration a sensor, all of one device; values come as one JSON object a message, from which templates pick.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...estimate.interface import State

__all__ = ["Sensor", "discovery", "known_sensors", "message_values", "topic_name"]

_LONGEST_NAME = 60
_LONGEST_STATE = 255
"""Home Assistant takes no longer one."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One value of the message. ``about``: keys of its configuration beside those that all have."""

    key: str
    name: str
    about: Mapping[str, Any]


def _number(unit: str, digits: int, kind: str | None = None, **more: Any) -> dict[str, Any]:
    about = {"unit_of_measurement": unit, "state_class": "measurement", "suggested_display_precision": digits}
    return about | ({"device_class": kind} if kind else {}) | more


_DIAGNOSTIC = {"entity_category": "diagnostic"}
_SENSORS = (
    Sensor("state", "State", {"device_class": "enum", "options": [str(each) for each in State]}),
    Sensor("reason", "Reason", _DIAGNOSTIC),
    Sensor("published_ppm", "Published correction", _number("ppm", 4)),
    Sensor("freq_error_ppm", "Pi frequency error", _number("ppm", 4)),
    Sensor("sigma_ppm", "Pi frequency error sigma", _number("ppm", 4, **_DIAGNOSTIC)),
    Sensor("tcxo_ppm", "TCXO frequency error", _number("ppm", 4)),
    Sensor("rtc_ppm", "RTC frequency error", _number("ppm", 4)),
    Sensor("temperature_c", "Board temperature", _number("°C", 1, "temperature")),
    Sensor("without_gps_s", "Time since GPS was followed", _number("s", 0, "duration")),
    Sensor("gps_pps_hz", "GPS rate", _number("Hz", 3, "frequency", **_DIAGNOSTIC)),
    Sensor("rtc_pps_hz", "RTC rate", _number("Hz", 3, "frequency", **_DIAGNOSTIC)),
    Sensor("host_pwm_hz", "PWM rate", _number("Hz", 3, "frequency", **_DIAGNOSTIC)),
    Sensor("phase_offset_ns", "GPS minus system clock", _number("ns", 0)),
)


def topic_name(text: str) -> str:
    """``text`` as a part of a topic and of an identifier: letters, digits, ``_`` and ``-`` only."""
    return re.sub("[^A-Za-z0-9_-]+", "-", text).strip("-")[:_LONGEST_NAME] or "tcxo"


def message_values(status: Mapping[str, Any], without_gps_s: float | None) -> dict[str, Any]:
    """The values of one message, None for what is not known now; what this board or daemon has not is left out.

    ``without_gps_s``: seconds since the estimate last followed GPS; 0 while it does, None before it first did.
    """
    values = {sensor.key: status[sensor.key] for sensor in _SENSORS if sensor.key in status}
    values |= {f"{role}_hz": each["seen_hz"] for role, each in status["channels"].items()}
    values |= {
        "reason": status["reason"][:_LONGEST_STATE] or "none",
        "published_ppm": status["last_published_ppm"],
        "without_gps_s": None if without_gps_s is None else round(without_gps_s, 1),
    }
    if status.get("phase"):
        values["phase_offset_ns"] = status["phase"].get("offset_ns")
    return values


def known_sensors(values: Mapping[str, Any]) -> Iterator[Sensor]:
    """The sensors for which a message has a value, or would have one."""
    return (sensor for sensor in _SENSORS if sensor.key in values)


def discovery(sensor: Sensor, base: str, name: str, version: str, expire_s: int) -> tuple[str, str]:
    """Topic (below the discovery prefix) and retained payload that make ``sensor`` appear.

    ``base``: the topic below which ``values`` and ``availability`` are; ``name``: of this daemon, as ``topic_name``
    has it; ``expire_s``: after so long without a message Home Assistant shows a value as unavailable.
    """
    payload = {
        "name": sensor.name,
        "unique_id": f"tcxo_host_{name}_{sensor.key}",
        "state_topic": f"{base}/values",
        "value_template": f"{{{{ value_json.{sensor.key} }}}}",
        "availability_topic": f"{base}/availability",
        "expire_after": expire_s,
        **sensor.about,
        "device": {
            "identifiers": [f"tcxo_host_{name}"],
            "name": f"TCXO {name}",
            "model": "tcxo-host",
            "sw_version": version,
        },
        "origin": {"name": "tcxo-host", "sw_version": version},
    }
    return f"sensor/tcxo_host_{name}/{sensor.key}/config", json.dumps(payload, ensure_ascii=False)
