"""What is written for PTP: linuxptp's configuration, units, chrony's line. Pure but for templates."""

from __future__ import annotations

from dataclasses import dataclass

from ...config import paths
from ...config.settings import PtpConfig
from ..install.plan import OwnFile, Plan
from ..install.template import filled
from .hardware import PtpHardware
from .quality_output import LOST_SUFFIX

__all__ = ["CONF", "PHC2SYS_UNIT", "PTP4L_UNIT", "PtpOptions", "chrony_client_line", "client_plan", "linuxptp_text",
           "server_plan"]  # fmt: skip

CONF = "/etc/linuxptp/tcxo-host.conf"
PTP4L_UNIT, PHC2SYS_UNIT = "tcxo-host-ptp4l.service", "tcxo-host-phc2sys.service"
_CHRONY = "/etc/chrony/conf.d/tcxo-host-ptp.conf"
_STOP_POST = "/etc/systemd/system/tcxo-host.service.d/ptp.conf"
_PACKAGE = "tcxo_host.pi.ptp"
_SHM = 1
"""Segment 0 is gpsd's."""


@dataclass(frozen=True, slots=True)
class PtpOptions:
    """``role``: server or client; ``version``: linuxptp's; ``timestamping``: hardware or software;
    ``phc``: number of the interface's clock, None without one."""

    role: str
    interface: str
    version: tuple[int, int]
    timestamping: str
    phc: int | None
    hardware: PtpHardware
    settings: PtpConfig


def linuxptp_text(options: PtpOptions) -> str:
    """ptp4l's configuration. linuxptp 4.0 renamed masterOnly and slaveOnly."""
    modern = options.version >= (4, 0)
    role = {"server": ("serverOnly", "masterOnly"), "client": ("clientOnly", "slaveOnly")}[options.role]
    values = {
        "time_stamping": options.timestamping,
        "network_transport": "UDPv4",
        "delay_mechanism": "E2E",
        "domainNumber": str(options.settings.domain),
        "uds_address": options.settings.uds,
        role[0] if modern else role[1]: "1",
        **(options.hardware.options if options.timestamping == "hardware" else {}),
    }
    if options.role == "server":
        values["clockClass"] = "248"  # until the daemon says better
    if options.timestamping == "software":
        # the system clock is chronyd's: a server only reads it, a client hands what it measures to chronyd
        shm = {"clock_servo": "ntpshm", "ntpshm_segment": str(_SHM)}
        values |= {"free_running": "1"} if options.role == "server" else shm
    if modern and options.timestamping == "hardware" and "tx_timestamp_timeout" in options.hardware.options:
        values["ptp_minor_version"] = "0"  # the Pi's PHYs know no other
    lines = [f"{name:<21} {value}" for name, value in values.items()]
    head = f'# Written by "tcxo-host install --ptp {options.role}", for {options.hardware.title}.'
    return "\n".join([head, "[global]", *lines, ""])


def chrony_client_line(options: PtpOptions) -> str:
    """chrony's reference clock at a client: the interface's clock, which counts TAI, or what ptp4l measures."""
    if options.timestamping == "hardware":
        return f"refclock PHC /dev/ptp{options.phc or 0} tai refid PTP poll 0 dpoll -2"
    return f"refclock SHM {_SHM} refid PTP poll 0 precision 1e-6"


def server_plan(options: PtpOptions, plan: Plan) -> Plan:
    """``plan``, of a Pi with a board, with PTP added."""
    toml = (
        "\n[ptp]\nenabled = true\n"
        f'timestamping = "{options.timestamping}"\n'
    )  # fmt: skip
    files = [
        OwnFile(each.path, each.content + toml, each.keep_edited) if each.path == paths.CONFIG else each
        for each in plan.files
    ]
    files += [*_ptp4l_files(options), OwnFile(_STOP_POST, _text("stop-post.conf", options))]
    units = [PTP4L_UNIT]
    if options.timestamping == "hardware":
        files.append(OwnFile(f"{paths.UNITS}/{PHC2SYS_UNIT}", _text(PHC2SYS_UNIT, options)))
        units.append(PHC2SYS_UNIT)
    commands = (*plan.commands, ("systemctl", "enable", *units), ("systemctl", "restart", *units))
    return Plan(tuple(files), plan.blocks, commands, plan.notes)


def client_plan(options: PtpOptions) -> Plan:
    """A machine that follows such a server; it needs no board. phc2sys has no part in it: chronyd reads the clock."""
    chrony = (
        '# Written by "tcxo-host install --ptp client": time from PTP. Never phc2sys beside it: two would steer.\n'
        f"{chrony_client_line(options)}\n"
    )
    files = (*_ptp4l_files(options), OwnFile(_CHRONY, chrony))
    commands = (
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", PTP4L_UNIT),
        ("systemctl", "restart", PTP4L_UNIT),
        ("chronyd", "-p", "-f", "/etc/chrony/chrony.conf"),
        ("systemctl", "try-restart", "chrony.service"),
    )
    return Plan(files, (), commands)


def _ptp4l_files(options: PtpOptions) -> list[OwnFile]:
    return [
        OwnFile(CONF, linuxptp_text(options)),
        OwnFile(f"{paths.UNITS}/{PTP4L_UNIT}", _text(PTP4L_UNIT, options)),
    ]


def _text(name: str, options: PtpOptions) -> str:
    settings = options.settings
    names = {
        "role": options.role,
        "interface": options.interface,
        "conf": CONF,
        "uds": settings.uds,
        "domain": str(settings.domain),
        "ptp4l": PTP4L_UNIT,
        "own": settings.own_socket,
        "lost": settings.own_socket + LOST_SUFFIX,
        "group": "tcxo-host" if options.role == "server" else "root",
    }
    return filled(_PACKAGE, name, names)
