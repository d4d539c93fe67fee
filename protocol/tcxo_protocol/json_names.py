"""Who the board is as JSON-able values, the same in the status, the trace and captures as JSON lines. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from .values import Channel, Identify

__all__ = ["boot_text", "identify_of_values", "identify_values"]


def boot_text(boot_id: int) -> str:
    """A ``boot_id`` as it is written everywhere: eight hexadecimal digits."""
    return f"{boot_id:08x}"


def identify_values(identify: Identify) -> dict[str, Any]:
    """All fields under their names, but ``boot_id`` as ``boot_text`` has it, and a channel's rate in thousandths of
    a hertz as ``rate_millihertz``: "mhz" reads as a million times as much to most.
    """
    values = dataclasses.asdict(identify) | {"boot_id": boot_text(identify.boot_id)}
    values["channels"] = [_renamed(each, "rate_mhz", "rate_millihertz") for each in values["channels"]]
    return values


def identify_of_values(values: Mapping[str, Any]) -> Identify:
    """The identity again. Raises ValueError, KeyError, TypeError or AttributeError for anything else."""
    boot_id = values["boot_id"]
    if not re.fullmatch("[0-9a-f]{8}", boot_id):
        raise ValueError(f"boot_id {boot_id[:40]!r} is not eight hexadecimal digits")
    channels = tuple(Channel(**_renamed(each, "rate_millihertz", "rate_mhz")) for each in values["channels"])
    return Identify(**{**values, "boot_id": int(boot_id, 16), "channels": channels})


def _renamed(values: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same values in the same order. Raises KeyError where ``old`` is not there."""
    values[old]
    return {new if key == old else key: value for key, value in values.items()}
