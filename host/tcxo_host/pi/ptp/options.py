"""What PTP on this machine can be: interface, linuxptp's version, time stamps."""

from __future__ import annotations

from ...config.settings import PtpConfig
from ...errors import UnavailableError, UsageError
from ..packages import package_version, upstream_version
from ..root import Root
from .configuration import PtpOptions
from .hardware import choose_timestamping, look, ptp_hardware

__all__ = ["ptp_options", "wired_interfaces"]

_NET = "/sys/class/net"


def wired_interfaces(root: Root) -> list[str]:
    """Network interfaces with hardware behind them that are no radio."""
    return [
        name
        for name in root.names(_NET)
        if root.exists(f"{_NET}/{name}/device") and not root.exists(f"{_NET}/{name}/phy80211")
    ]


def ptp_options(root: Root, role: str, interface: str | None) -> PtpOptions:
    """For ``role`` server or client. Raises UnavailableError without linuxptp, UsageError for a wrong interface."""
    version = upstream_version(package_version(root, "linuxptp"))
    if version is None:
        raise UnavailableError(
            "linuxptp is not installed here: sudo apt install linuxptp, then install again"
        )
    wired = wired_interfaces(root)
    if interface is None:
        if "eth0" not in wired and len(wired) != 1:
            there = f"there are {', '.join(wired)}" if wired else "there is none"
            raise UsageError(f"no wired interface eth0 ({there}): name one with --interface")
        interface = "eth0" if "eth0" in wired else wired[0]
    elif interface not in root.names(_NET):
        raise UsageError(f"--interface {interface} is not there: there are {', '.join(wired) or 'none'}")
    hardware = ptp_hardware(root)
    seen = look(interface) if root.is_live else None
    return PtpOptions(
        role=role,
        interface=interface,
        version=version,
        timestamping=choose_timestamping(hardware, seen),
        phc=seen.phc if seen else None,
        hardware=hardware,
        settings=PtpConfig(),
    )
