"""What ``tcxo-host install`` writes and runs, decided before anything is touched. Pure but for templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...config import paths
from ...publish.phase_refclock import chrony_line
from ..chrony.apparmor import snippet
from ..models import PiModel
from .template import filled

__all__ = [
    "CHRONY_VARIANTS",
    "Block",
    "Cut",
    "Options",
    "OwnFile",
    "Plan",
    "add_block",
    "chrony_refclocks",
    "has_block",
    "make_plan",
    "remove_block",
]

CHRONY_VARIANTS = ("tempcomp", "ntp", "gpsd", "gpsd-shm", "phc")
"""Only the tempcomp line; or with a kernel PPS and NTP servers, a kernel PPS and gpsd by its socket or (before
3.25) its shared memory, a PTP clock's PPS."""

_I2C_FILES = (
    ("/etc/modules-load.d/tcxo-host.conf", "tcxo-host.modules"),
    ("/etc/udev/rules.d/99-tcxo-host-i2c.rules", "tcxo-host-i2c.rules"),
)
_PHASE_DROP_IN = "/etc/systemd/system/tcxo-host.service.d/phase.conf"
_BEGIN, _END = "# tcxo-host begin", "# tcxo-host end"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user decided. ``executable``: the absolute path of ``tcxo-host`` for the units."""

    executable: str
    link: str
    output: str = paths.OUTPUT
    gpio: int = 12
    source: str = "pwm"
    """``source.signal`` of the configuration."""
    baud: int = 500
    chrony: str = "tempcomp"
    measure_only: bool = False
    refclock: bool = False
    """Hand chrony a reference clock instead of the tempcomp file."""
    phase: bool = False
    """Hand chrony GPS time itself as well."""
    has_late_stamps: bool = False
    """chronyd knows ``hwtstimeout`` (4.4)."""
    line_there: bool = False
    """Another file of chrony's has our tempcomp line (with ``refclock``: our refclock) already."""
    phase_line_there: bool = False
    """Another file of chrony's has GPSP's line already."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that is all ours. ``keep_edited``: the user is meant to edit it, so an edited one stays."""

    path: str
    content: str
    keep_edited: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of ours in a file that belongs to others. ``make``: create the file when it is not there."""

    path: str
    content: str
    make: bool = True


@dataclass(frozen=True, slots=True)
class Cut:
    """Words taken out of a file of one line that belongs to others, each with its place among the words."""

    path: str
    words: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to write, then everything to run, in order. ``notes``: what the user still has to do."""

    files: tuple[OwnFile, ...]
    blocks: tuple[Block, ...]
    commands: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()


def make_plan(
    options: Options,
    model: PiModel | None,
    config_txt: str,
    *,
    apparmor: bool,
    chrony_confdir: bool = True,
    consoles: tuple[Cut, ...] = (),
) -> Plan:
    """The plan for a Pi of ``model``, whose firmware configuration lies at ``config_txt``.

    ``apparmor``: chrony's profile is there. ``chrony_confdir``: chrony reads ``/etc/chrony/conf.d``. ``consoles``: what
    makes the UART that is the signal a console. ``model`` may be None where a UART is the signal.
    """
    pwm = options.source == "pwm"
    home = options.executable.startswith("/home/")
    names = {
        "executable": options.executable,
        "protect_home": "read-only" if home else "yes",
        "output": options.output,
        "link": options.link,
        "source": _source_toml(options),
        "socks": " ".join(_socks(options)),
        "sock": paths.SOCK,
        "phase_line": chrony_line(paths.PHASE_SOCK),
        "pwm_options": " --measure-only" if options.measure_only else "",
    }
    toml = _template("tcxo-host.toml", names)
    if options.measure_only:
        toml = toml.replace("[output]\n", "[output]\nmeasure_only = true\n")
    elif options.refclock:
        toml = toml.replace("[output]\n", "[output]\nsock = true\n")
    if options.phase:
        toml += "\n[phase]\nenabled = true\n"
    files = [
        OwnFile("/etc/systemd/system/tcxo-host.service", _template("tcxo-host.service", names)),
        *[OwnFile(paths.PWM_UNIT, _template("tcxo-host-pwm.service", names))] * pwm,
        OwnFile("/etc/sysusers.d/tcxo-host.conf", _template("tcxo-host.sysusers", names)),
        OwnFile("/etc/tmpfiles.d/tcxo-host.conf", _template("tcxo-host.tmpfiles", names)),
        OwnFile("/etc/udev/rules.d/99-tcxo-host.rules", _template("tcxo-host.rules", names)),
        OwnFile(paths.CONFIG, toml, keep_edited=True),
    ]
    blocks = []
    lines = ["[all]", *_firmware_lines(options, model)]
    if options.link.startswith("i2c:"):
        files += [OwnFile(path, _template(name, names)) for path, name in _I2C_FILES]
        if options.link.startswith("i2c:1:"):  # another bus needs an overlay of the user's choice
            lines += ["dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=100000"]
    if len(lines) > 1:
        blocks.append(Block(config_txt, "".join(f"{line}\n" for line in lines), make=False))
    if not options.measure_only:
        chrony = _chrony_file(options, names)
        files.append(OwnFile(paths.CHRONY_SNIPPET, chrony))
        if options.phase:
            files.append(OwnFile(_PHASE_DROP_IN, _template("phase.service.d.conf", names)))
        if _socks(options):
            drop_in = "/etc/systemd/system/chrony.service.d/tcxo-host.conf"
            files.append(OwnFile(drop_in, _template("chrony.service.d.conf", names)))
        if apparmor and not options.refclock:
            blocks.append(Block(paths.APPARMOR_LOCAL, snippet(paths.REAL_OUTPUT)))
    i2c = " and the I2C bus" if options.link.startswith("i2c:1:") else ""
    notes = [f"{config_txt} changed: reboot once, so that the kernel has the {'PWM' if pwm else 'UART'}{i2c}"]
    for cut in consoles:
        gone = " ".join(word for _, word in cut.words)
        notes.append(f"{cut.path} changed: reboot once, so that no console is on the UART any more ({gone})")
    if not chrony_confdir:
        notes.append("add 'confdir /etc/chrony/conf.d' to chrony.conf: it does not read that folder")
    commands = _commands(chrony=not options.measure_only, apparmor=apparmor and not options.refclock, pwm=pwm)
    return Plan(tuple(files), tuple(blocks), commands, tuple(notes), consoles)


def _firmware_lines(options: Options, model: PiModel | None) -> tuple[str, ...]:
    """What ``config.txt`` needs for the signal."""
    if model is None:
        return ()
    if options.source == "pwm":
        return (model.overlay_line(model.pin(options.gpio)),)
    return model.uart.config_lines if options.source == f"uart:{model.uart.device}" else ()


def _source_toml(options: Options) -> str:
    if options.source == "pwm":
        return f"[pwm]\nrate_hz = 50\ngpio = {options.gpio}"
    return f'[source]\nsignal = "{options.source}"\nbaud = {options.baud}'


def _socks(options: Options) -> list[str]:
    """chronyd's sockets that the service writes to."""
    return [paths.SOCK] * options.refclock + [paths.PHASE_SOCK] * options.phase


def chrony_refclocks(variant: str) -> tuple[str, ...]:
    """The reference clock lines that one of ``CHRONY_VARIANTS`` adds to the TCXO's own line."""
    if variant == "tempcomp":
        return ()
    lines = _template(f"chrony-{variant}.conf", {}).splitlines()
    return tuple(line for line in lines if line.startswith("refclock "))


def _chrony_file(options: Options, names: Mapping[str, str]) -> str:
    """chrony's configuration: the TCXO's line, unless another file has it, and the variant's clocks."""
    if options.line_there:
        name = "chrony-line-there.conf"
    else:
        name = "chrony-refclock.conf" if options.refclock else "chrony-tempcomp.conf"
    text = _template(name, names) + "\n" + _template("chrony-log.conf", names)
    if options.chrony != "tempcomp":
        text += "\n" + _template(f"chrony-{options.chrony}.conf", names)
    if options.chrony == "phc" and options.has_late_stamps:
        text = text.replace("hwtimestamp *\n", "hwtimestamp *\nhwtstimeout 0.1\n")
    if options.refclock:  # measured with tempcomp; without it so many samples are a lag
        text = text.replace(" minsamples 32", "")
    if options.phase:
        # the pulse by interrupt stays as a witness that is never followed
        text = re.sub(r"(refclock PPS .* )prefer\n", r"\1noselect\n", text)
        if not options.phase_line_there:
            text += "\n" + _template("chrony-phase.conf", names)
    return text


def add_block(text: str, block: str) -> str:
    """``text`` with our lines between their marks: in their old place, else at the end."""
    marked = f"{_BEGIN}\n{block}{_END}\n"
    if has_block(text):
        begin = text.index(_BEGIN)
        return text[:begin] + marked + _after_block(text)
    separator = "" if not text or text.endswith("\n") else "\n"
    return text + separator + marked


def remove_block(text: str) -> str:
    """``text`` without our lines and their marks."""
    return text[: text.index(_BEGIN)] + _after_block(text) if has_block(text) else text


def has_block(text: str) -> bool:
    """Whether both marks are there, in order."""
    begin = text.find(_BEGIN)
    return begin >= 0 and text.find(_END, begin) >= 0


def _after_block(text: str) -> str:
    end = text.index(_END, text.index(_BEGIN)) + len(_END)
    return text[end:].removeprefix("\n")


def _commands(*, chrony: bool, apparmor: bool, pwm: bool) -> tuple[tuple[str, ...], ...]:
    commands: list[tuple[str, ...]] = [
        ("systemd-sysusers", "/etc/sysusers.d/tcxo-host.conf"),
        ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/tcxo-host.conf"),
        ("udevadm", "control", "--reload"),
        ("systemctl", "daemon-reload"),
    ]
    if chrony and apparmor:
        commands.append(("apparmor_parser", "-r", paths.APPARMOR_PROFILE))
    units = ("tcxo-host-pwm.service",) * pwm + ("tcxo-host.service",)
    commands.append(("systemctl", "enable", *units))
    commands += [("systemctl", "restart", unit) for unit in units]
    if chrony:
        # a configuration that chrony refuses must not end the time service: -p only parses
        commands.append(("chronyd", "-p", "-f", "/etc/chrony/chrony.conf"))
        commands.append(("systemctl", "try-restart", "chrony.service"))
    return tuple(commands)


def _template(name: str, names: Mapping[str, str]) -> str:
    return filled(__package__, name, names)
