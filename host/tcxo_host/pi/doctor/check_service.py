"""Checks of our own parts: configuration, service, output file, board and its edges."""

from __future__ import annotations

import math
import re
import stat
from pathlib import PurePosixPath

from tcxo_protocol.spec import Role

from ... import tempcomp
from ...config import paths
from ...config.trial import HELD
from ...daemon.state_file import BASELINE_KIND, parse_state
from ...publish.baseline import parse_stored
from ..pwm.header import kernel_release
from .check import UNIT, Finding, Level, Subject, fail, is_installed, ok, warn
from .check_chrony import real_output_path

__all__ = ["CHECKS"]

_RATE_TOLERANCE = 0.001
"""Far more than any crystal is off (0.02 %), far less than a lost edge or a wrong rate in 3 s."""


def check_config(subject: Subject) -> Finding:
    """Can the configuration be used?"""
    if subject.config_problem:
        return fail("config", subject.config_problem, f"mend {paths.CONFIG}, or 'sudo tcxo-host install'")
    if not subject.root.exists(paths.CONFIG):
        return warn(
            "config", f"{paths.CONFIG} is not there; built-in values are used", "sudo tcxo-host install"
        )
    return ok("config", f"{paths.CONFIG}: estimator {subject.config.estimator.name}")


def check_unit(subject: Subject) -> Finding:
    """Is the service installed, enabled and running?"""
    root = subject.root
    if not is_installed(root):
        return warn("service", f"{UNIT} is not installed", "sudo tcxo-host install")
    active = bool(root.read(f"/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs"))
    if not root.link_name(f"/etc/systemd/system/multi-user.target.wants/{UNIT}"):
        return warn("service", f"{UNIT} is not enabled", f"sudo systemctl enable --now {UNIT}")
    if not active:
        return fail(
            "service", f"{UNIT} is not running", f"journalctl -u {UNIT} -n 20; sudo systemctl start {UNIT}"
        )
    return ok("service", f"{UNIT} is enabled and running")


def check_output(subject: Subject) -> Finding:
    """Is the output file there, readable for chrony's user, fresh, and a value that chrony takes?"""
    name, shown, real = "output", subject.config.output.path, real_output_path(subject)
    where = shown if shown == real else f"{shown} -> {real}"
    text = subject.root.read(real)
    if text is None:
        if subject.root.exists(real):
            return fail(
                name,
                f"{where} is not a file that can be read",
                f"sudo rm -r {real}; sudo systemctl restart {UNIT}",
            )
        return fail(
            name, f"{where} is not there: nothing was published since boot", f"journalctl -u {UNIT} -n 20"
        )
    if shown == real == paths.OUTPUT and subject.root.exists("/etc/tmpfiles.d/tcxo-host.conf"):
        return fail(
            name,
            f"{shown} is another program's file: it should be a link to /run/tcxo-host/tcxo",
            f"end that program (sudo fuser {real}); sudo systemd-tmpfiles --create; sudo systemctl restart {UNIT}",
        )
    closed = _closed_to_others(subject, real)
    if closed:
        return fail(name, f"{where}: {closed} is closed to chrony's user", f"sudo chmod o+rX {closed}")
    match = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(?=\s|$)", text)
    value_ppm = float(match[0]) if match else math.nan
    if not tempcomp.is_in_range(value_ppm):
        return fail(
            name,
            f"{where} holds {text[:20]!r}: chrony takes numbers up to ±{tempcomp.LIMIT_PPM:g} ppm only",
            f"find out who wrote it (sudo fuser {real}), then sudo systemctl restart {UNIT}",
        )
    if subject.now_s is not None:
        age_s = subject.now_s - subject.root.path(real).stat().st_mtime
        if _trial(subject):
            return ok(name, f"{where}: {value_ppm:+.6f} ppm, {_trial(subject)}")
        if age_s > paths.STALE_S:
            return warn(
                name,
                f"{where}: {value_ppm:+.6f} ppm, but {age_s:.0f} s old: on hold",
                f"journalctl -u {UNIT} -n 20",
            )
        return ok(name, f"{where}: {value_ppm:+.6f} ppm, {max(age_s, 0.0):.0f} s old")
    return ok(name, f"{where}: {value_ppm:+.6f} ppm")


def check_board(subject: Subject) -> Finding | None:
    """Does the board answer, and in a protocol we speak?"""
    board = subject.board
    if board is None:
        return None
    if board.problem:
        return fail("board", board.problem, board.remedy)
    return ok(
        "board", f"{board.board}, firmware {board.firmware}, protocol {board.protocol} ({board.source})"
    )


def check_state(subject: Subject) -> Finding | None:
    """Does the running daemon publish?"""
    board = subject.board
    if board is None or not board.state:
        return None
    if board.state == "track":
        return ok("daemon", "tracks: publishes a value a second")
    if _trial(subject):
        return ok("daemon", f"measures; the file is {_trial(subject)}")
    return warn("daemon", f"says {board.state}", f"tcxo-host status --watch; journalctl -u {UNIT} -n 20")


def _trial(subject: Subject) -> str:
    """That the running daemon leaves the file as it is for a trial, and until when; else an empty text."""
    state = subject.board.state if subject.board else ""
    return state[state.index(HELD) :] if HELD in state else ""


def check_baseline(subject: Subject) -> Finding | None:
    """Will the same baseline be used again, or another one, which chrony sees as a step?"""
    name, config = "baseline", subject.config
    if config.output.measure_only:
        return None
    if config.output.baseline_ppm() is not None:
        return ok(name, f"fixed at {config.output.baseline_ppm():+g} ppm by {paths.CONFIG}")
    if not config.state.path:
        return warn(
            name,
            "is decided anew at every start, and then may step by 1 ppm",
            f'in {paths.CONFIG}: [state] path = "/var/lib/tcxo-host/state.json"',
        )
    path = str(PurePosixPath(config.state.path).with_name("baseline.json"))
    text = subject.root.read(path)
    if text is None:
        return ok(name, "not decided yet: the first good estimate will")
    try:
        stored = parse_stored(parse_state(text.encode(), BASELINE_KIND)[0])
    except ValueError:
        return fail(name, f"{path} is damaged", f"sudo rm {path}; sudo systemctl restart {UNIT}")
    kernel = kernel_release(subject.root)
    if kernel and stored.kernel not in ("", kernel):
        return warn(
            name,
            f"{stored.ppm:+g} ppm was decided under kernel {stored.kernel}; under {kernel} it is decided anew",
            f"sudo tcxo-host baseline --set {stored.ppm:g} keeps it; sudo systemctl restart {UNIT}",
        )
    if subject.board and subject.board.board and stored.board_id not in ("", subject.board.board):
        return warn(
            name,
            f"{stored.ppm:+g} ppm was decided with the board {stored.board_id}, this one is {subject.board.board}",
            f"sudo tcxo-host baseline --set {stored.ppm:g} keeps it; sudo systemctl restart {UNIT}",
        )
    return ok(name, f"{stored.ppm:+g} ppm, decided under this kernel and with this board")


def check_gps(subject: Subject) -> Finding | None:
    """Does the GPS's second reach the board?"""
    return _channel(
        subject,
        Role.GPS_PPS.label,
        Level.FAIL,
        "look at the antenna and the PPS wire; without GPS only the TCXO holds",
    )


def check_rtc(subject: Subject) -> Finding | None:
    """Does the RTC's second reach the board? It is optional."""
    return _channel(subject, Role.RTC_PPS.label, Level.OK, "")


def check_pwm_edges(subject: Subject) -> Finding | None:
    """Do the Pi's PWM edges reach the board, at the rate that was set?"""
    device, model = subject.config.source.device, subject.model
    pin = (model.uart.pin if model else "its TX, through a level shifter,") if device else ""
    wire = f"wire {pin or f'GPIO{subject.config.pwm.gpio}'} to the board's host_pwm pin, ground to ground"
    remedy = wire if device else f"sudo tcxo-host pwm setup; {wire}"
    if device and model is None:
        remedy += "; if it has 24 MHz / 13 for a clock, as many PCs: source.rate_hz = 48.076923"
    return _channel(subject, Role.HOST_PWM.label, Level.FAIL, remedy)


def _channel(subject: Subject, role: str, level: Level, remedy: str) -> Finding | None:
    board = subject.board
    if board is None or board.problem:
        return None
    name = role.replace("_", " ")
    channel = board.channels.get(role)
    if channel is None:
        text = "the board has no such channel"
        return (
            ok(name, text)
            if level is Level.OK
            else Finding(name, level, text, "flash the firmware (tcxo-flash)")
        )
    if not channel.edges:
        text = f"no edges on {channel.pin}"
        return ok(name, f"{text} (optional)") if level is Level.OK else Finding(name, level, text, remedy)
    if channel.rate_hz is None:
        return ok(
            name, f"{channel.edges} edge{'s' * (channel.edges != 1)} on {channel.pin}, rate not known yet"
        )
    own_hz = subject.config.host_rate_hz if role == Role.HOST_PWM.label else None
    expected_hz = own_hz or channel.nominal_hz
    shown = f"{channel.rate_hz:.3f} Hz on {channel.pin}"
    if abs(channel.rate_hz / expected_hz - 1) > _RATE_TOLERANCE:
        return Finding(
            name, max(level, Level.WARN), f"{shown}, expected {expected_hz:g} Hz", remedy or "check its wire"
        )
    if channel.overcaptures:
        return warn(
            name,
            f"{shown}, {channel.overcaptures} overcaptures: noise on the wire",
            "shorten the wire; 100 Ohm in series",
        )
    return ok(name, shown)


def _closed_to_others(subject: Subject, real: str) -> str:
    """The first part of the path that another user could not pass or read, or empty."""
    parts = real.strip("/").split("/")
    for end in range(1, len(parts) + 1):
        part = "/" + "/".join(parts[:end])
        try:
            mode = subject.root.path(part).stat().st_mode
        except OSError:
            return part
        needed = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
        if not mode & needed:
            return part
    return ""


CHECKS = (
    check_config,
    check_unit,
    check_board,
    check_state,
    check_gps,
    check_rtc,
    check_pwm_edges,
    check_output,
    check_baseline,
)
