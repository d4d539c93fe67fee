"""PTP (``install --ptp``): interface and time stamps, ptp4l and phc2sys, what is announced or how far it is off."""

from __future__ import annotations

import re

from ...config import paths
from ..ptp.configuration import CONF, PHC2SYS_UNIT, PTP4L_UNIT
from ..ptp.hardware import look, ptp_hardware
from ..ptp.pmc import ask, fields_of, pmc_command
from ..ptp.quality import LOCKED
from .check import Check, Finding, Subject, fail, ok, warn

__all__ = ["CHECKS"]

_FAR_NS = 100_000


def _interface(subject: Subject) -> str | None:
    unit = subject.root.read(f"{paths.UNITS}/{PTP4L_UNIT}") or ""
    found = re.search(r"^ExecStart=.* -i (\S+)$", unit, re.MULTILINE)
    return found[1] if found else None


def _conf(subject: Subject) -> dict[str, str]:
    lines = (subject.root.read(CONF) or "").splitlines()
    return {words[0]: words[1] for words in (line.split() for line in lines) if len(words) == 2}


def check_stamps(subject: Subject) -> Finding | None:
    """Does the interface stamp as ptp4l is told?"""
    interface, stamping = _interface(subject), _conf(subject).get("time_stamping")
    if interface is None or stamping is None:
        return None
    again = "sudo tcxo-host install --ptp ... --interface NAME"
    if not subject.root.exists(f"/sys/class/net/{interface}"):
        return fail("ptp", f"the interface {interface} is not there", again)
    hardware = ptp_hardware(subject.root)
    told = f"{interface}: {stamping} time stamps; hardware ones: {hardware.note}"
    seen = look(interface) if subject.root.is_live else None
    if seen is not None and not (seen.hardware if stamping == "hardware" else seen.software):
        return fail("ptp", f"{interface} has no {stamping} time stamps (ethtool -T)", again)
    return ok("ptp", told)


def check_told(subject: Subject) -> Finding | None:
    """Does the daemon tell this server what the clock is worth, in the right time scale?"""
    conf, config = _conf(subject), subject.config.ptp
    if "clockClass" not in conf:
        return None  # no server
    stamping = conf.get("time_stamping", "software")
    if config.enabled and config.timestamping == stamping:
        return ok("quality", "the daemon tells ptp4l what the clock is worth")
    problem = "is not enabled" if not config.enabled else f'has timestamping = "{config.timestamping}"'
    return warn(
        "quality",
        f"[ptp] in {paths.CONFIG} {problem}, so the server's claim is not kept true",
        f'there: [ptp], enabled = true, timestamping = "{stamping}"; then restart tcxo-host',
    )


def check_ptp4l(subject: Subject) -> Finding | None:
    """Does ptp4l run, in its role, with the quality that the daemon tells it, or near its server?"""
    conf = _conf(subject)
    if _interface(subject) is None:
        return None
    if not subject.root.read(f"/sys/fs/cgroup/system.slice/{PTP4L_UNIT}/cgroup.procs"):
        restart = f"journalctl -u {PTP4L_UNIT} -n 20; sudo systemctl restart {PTP4L_UNIT}"
        return fail("ptp4l", f"{PTP4L_UNIT} is not running", restart)
    if not subject.root.is_live:
        return ok("ptp4l", f"{PTP4L_UNIT} is running")
    asked = ("GET PORT_DATA_SET", "GET TIME_STATUS_NP", "GET GRANDMASTER_SETTINGS_NP")
    domain = int(conf.get("domainNumber", "0"))
    text = ask(pmc_command(conf.get("uds_address", "/run/ptp4l"), domain, "", *asked))
    is_server = "clockClass" in conf
    return judge_answers(text, is_server)


def judge_answers(text: str, is_server: bool) -> Finding:
    """What ptp4l answered, as a finding."""
    port = fields_of(text, "PORT_DATA_SET")
    if port is None:
        return warn("ptp4l", "ptp4l does not answer pmc", "sudo tcxo-host doctor (its socket is root's)")
    state = port.get("portState", "?")
    if is_server:
        if state not in ("MASTER", "GRAND_MASTER"):
            return warn(
                "ptp4l", f"port state {state}, expected MASTER", "look for its cable, or for a better clock"
            )
        told = (fields_of(text, "GRANDMASTER_SETTINGS_NP") or {}).get("clockClass", "?")
        if told != str(LOCKED):
            return warn(
                "ptp4l", f"serves, with clock class {told} instead of {LOCKED}", "tcxo-host status says why"
            )
        return ok("ptp4l", f"serves, clock class {told}")
    offset = (fields_of(text, "TIME_STATUS_NP") or {}).get("master_offset", "")
    if state != "SLAVE" and not (state == "UNCALIBRATED" and offset):
        return warn(
            "ptp4l", f"port state {state}, expected SLAVE", "look for the server and the cable between"
        )
    if not re.fullmatch(r"-?\d+", offset) or abs(int(offset)) > _FAR_NS:
        return warn("ptp4l", f"{offset or '?'} ns from its server", "wait some minutes, then chronyc sources")
    return ok("ptp4l", f"follows, {int(offset):+d} ns from its server")


def check_phc2sys(subject: Subject) -> Finding | None:
    """Is the interface's clock set from the system clock, at a server with hardware time stamps?"""
    if not subject.root.exists(f"{paths.UNITS}/{PHC2SYS_UNIT}"):
        return None
    if not subject.root.read(f"/sys/fs/cgroup/system.slice/{PHC2SYS_UNIT}/cgroup.procs"):
        restart = f"journalctl -u {PHC2SYS_UNIT} -n 20; sudo systemctl restart {PHC2SYS_UNIT}"
        return fail("phc2sys", f"{PHC2SYS_UNIT} is not running", restart)
    return ok("phc2sys", f"{PHC2SYS_UNIT} is running: system clock to interface")


CHECKS: tuple[Check, ...] = (check_stamps, check_told, check_ptp4l, check_phc2sys)
