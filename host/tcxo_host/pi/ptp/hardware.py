"""Which Pi timestamps PTP where, as data, and what ``ethtool -T`` says. Pure but for ``look``."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ..root import Root

__all__ = [
    "HARDWARE",
    "PtpHardware",
    "Stamping",
    "choose_timestamping",
    "look",
    "parse_ethtool",
    "ptp_hardware",
]


@dataclass(frozen=True, slots=True)
class PtpHardware:
    """``stamping``: the best that works; ``options``: what linuxptp needs for it, by its names."""

    compatible: tuple[str, ...]
    title: str
    stamping: str
    options: Mapping[str, str]
    note: str


_PHY = {"network_transport": "UDPv4", "delay_mechanism": "E2E", "tx_timestamp_timeout": "100"}
HARDWARE = (
    PtpHardware(
        ("raspberrypi,4-compute-module", "raspberrypi,4-compute-module-s"),
        "Compute Module 4",
        "hardware",
        _PHY,
        "in the PHY: UDP end-to-end only; reading its clock is slow",
    ),
    PtpHardware(
        ("raspberrypi,5-compute-module",),
        "Compute Module 5",
        "hardware",
        _PHY,
        "in the PHY: UDP end-to-end only; reading its clock is slow",
    ),
    PtpHardware(
        ("raspberrypi,5-model-b", "raspberrypi,500"),
        "Raspberry Pi 5 or 500",
        "hardware",
        {"tx_timestamp_timeout": "30"},
        "in RP1's Ethernet MAC",
    ),
    PtpHardware(
        ("raspberrypi,4-model-b", "raspberrypi,400"),
        "Raspberry Pi 4 or 400",
        "software",
        {},
        "none, though kernel 5.15.50 said so: its PHY has the id of the CM4's",
    ),
)
_OTHER = PtpHardware((), "this machine", "software", {}, "none on a Pi up to 3; others as ethtool -T says")


def ptp_hardware(root: Root) -> PtpHardware:
    """The entry of this machine."""
    strings = set((root.read("/proc/device-tree/compatible") or "").split("\0"))
    return next((each for each in HARDWARE if strings & set(each.compatible)), _OTHER)


@dataclass(frozen=True, slots=True)
class Stamping:
    """What a network interface can do. ``phc``: the number of its clock, ``/dev/ptpN``; None for none."""

    software: bool
    hardware: bool
    phc: int | None


def parse_ethtool(text: str) -> Stamping:
    """``ethtool -T``, of version 5.x or 6.x."""
    phc = re.search(r"^(?:PTP Hardware Clock|Hardware timestamp provider index): (\d+)", text, re.MULTILINE)
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)+", text))
    return Stamping(
        {"software-transmit", "software-receive"} <= words,
        {"hardware-transmit", "hardware-receive"} <= words and phc is not None,
        int(phc[1]) if phc else None,
    )


def look(interface: str) -> Stamping | None:
    """Ask ethtool; None when it is missing or has no answer."""
    if not shutil.which("ethtool"):
        return None
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            ("ethtool", "-T", interface), capture_output=True, encoding="utf8", errors="replace", timeout=2.0
        )
        if done.returncode == 0:
            return parse_ethtool(done.stdout)
    return None


def choose_timestamping(hardware: PtpHardware, seen: Stamping | None) -> str:
    """``hardware`` or ``software``; a model that is known decides over what its kernel says, but not for more."""
    if seen is not None and not seen.hardware:
        return "software"
    if not hardware.compatible:
        return "hardware" if seen is not None and seen.hardware else "software"
    return hardware.stamping
