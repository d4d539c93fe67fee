"""Checks of the Pi itself: model, kernel, overlay, PWM, audio, I2C bus, the device of the link."""

from __future__ import annotations

import re
import stat

from ...config import paths
from ...errors import TcxoError
from ..pwm.header import kernel_release, kernel_version, look
from .check import Finding, Subject, fail, ok, warn

__all__ = ["CHECKS", "config_txt", "i2c_address", "serial_device"]

_CONFIG_TXT = ("/boot/firmware/config.txt", "/boot/config.txt")
_I2C_NODES = {
    0: ("/proc/device-tree/soc/i2c@7e205000",),
    1: ("/proc/device-tree/soc/i2c@7e804000",),
}


def config_txt(subject: Subject) -> tuple[str, str]:
    """Name and text of the firmware's configuration; the newer place's name when there is none."""
    for path in _CONFIG_TXT:
        text = subject.root.read(path)
        if text is not None:
            return path, text
    return _CONFIG_TXT[0], ""


def serial_device(url: str) -> str | None:
    """The device file of a serial link's URL; None for sockets and other kinds of link."""
    rest = url.removeprefix("serial:")
    return rest if rest.startswith("/") else None


def i2c_address(url: str) -> tuple[int, int] | None:
    """Bus and address of ``i2c:BUS:ADDRESS``, or None."""
    match = re.fullmatch(r"i2c:(\d+):(0x[0-9a-fA-F]+|\d+)", url)
    return (int(match[1]), int(match[2], 0)) if match else None


def check_model(subject: Subject) -> Finding | None:
    """Is this a Pi whose PWM is driven by the system clock's crystal?"""
    model = subject.model
    if subject.config.source.device:
        return None  # the UART's check tells
    if model is None:
        name = subject.root.read("/proc/device-tree/model")
        what = f"unknown model {name!r}" if name else "not a Raspberry Pi (no /proc/device-tree/model)"
        return fail("model", what, "run tcxo-host on the Raspberry Pi whose clock it shall correct")
    crystal = f"{model.crystal_hz / 1e6:g} MHz crystal"
    name = subject.root.read("/proc/device-tree/model") or model.title
    if not model.shared_crystal:
        return fail(
            "model",
            f"{name}: the header's PWM runs from RP1's own {model.pwm_crystal_hz / 1e6:g} MHz crystal, the"
            f" system clock from the {crystal}: the PWM does not measure the system clock",
            f"sudo tcxo-host install --source uart (the signal is then the {model.uart.pin})",
        )
    return ok("model", f"{name}: {crystal} feeds both the system clock and the PWM")


def check_kernel(subject: Subject) -> Finding | None:
    """Does the PWM driver compute its period exactly?"""
    release = kernel_release(subject.root)
    if not release or subject.model is None:
        return None
    if kernel_version(subject.root) < (5, 11) and not subject.config.source.device:
        return warn(
            "kernel",
            f"{release}: its PWM driver rounds a clock cycle to whole nanoseconds, up to 400 ppm off",
            "sudo apt full-upgrade (a kernel from 5.11 on)",
        )
    return ok("kernel", release)


def check_overlay(subject: Subject) -> Finding | None:
    """Does config.txt turn the PWM on at the wanted pin, with an exact clock?"""
    model = subject.model
    if model is None or subject.config.source.device or _is_foreign(subject):
        return None
    path, text = config_txt(subject)
    try:
        pin = model.pin(subject.config.pwm.gpio)
    except TcxoError as error:
        return fail("overlay", str(error).partition(":")[0], f"set pwm.gpio in {paths.CONFIG}")
    wanted = model.overlay_line(pin)
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    found = [line for line in lines if re.match(r"dtoverlay\s*=\s*pwm(-2chan|-pi5)?\b", line)]
    if not found:
        return fail("overlay", f"{path} has no pwm overlay", f"add to {path}: {wanted}  (then reboot)")
    line = found[-1].replace(" ", "")
    options = dict(each.partition("=")[::2] for each in line.split(",")[1:])
    pins = {options.get("pin", "18"), options.get("pin2", "19") if "pwm-2chan" in line else None}
    if str(pin.gpio) not in pins:
        gpio = " and ".join(sorted(each for each in pins if each))
        return fail(
            "overlay",
            f"{path} puts the PWM on GPIO{gpio}, pwm.gpio is {pin.gpio}",
            f"in {path}: {wanted}  (then reboot)",
        )
    if model.shared_crystal and options.get("clock") != str(model.clock_hz):
        asked = options.get("clock", "none")
        return warn(
            "overlay",
            f"{line}: clock={asked} may need a fractional divider; {model.clock_hz} is exact",
            f"in {path}: {wanted}  (then reboot)",
        )
    return ok("overlay", line)


def check_pwm(subject: Subject) -> Finding | None:
    """Is the wanted square wave on the pin, at what true rate?"""
    model, wanted = subject.model, subject.config.pwm
    if model is None or wanted.mode == "off" or subject.config.source.device or _is_foreign(subject):
        return None
    try:
        report = look(subject.root, wanted.rate_hz, wanted.gpio, model)
    except TcxoError as error:
        return fail("pwm", str(error), f"mend [pwm] in {paths.CONFIG}")
    if report.problem:
        return fail("pwm", report.problem, report.remedy)
    timing = report.timing
    where = f"{wanted.rate_hz} Hz on GPIO{wanted.gpio} (header pin {report.pin.header})"
    if timing.exact:
        bias = f", constant bias {timing.bias_ppm:+.3f} ppm" if timing.bias_ppm else ""
        return ok("pwm", f"{where}, exact: {float(timing.clock_hz):.0f} Hz / {timing.cycles}{bias}")
    return warn(
        "pwm",
        f"{where}, not exact: bias {timing.bias_ppm:+.4f} ppm, jitter {timing.jitter_ns:.1f} ns"
        f" ({float(timing.clock_hz):.0f} Hz from {timing.parent} / {float(timing.divider):g})",
        f"in config.txt: {model.overlay_line(report.pin)}  (then reboot)",
    )


def check_audio(subject: Subject) -> Finding | None:
    """Can analogue audio take the PWM or its clock away?"""
    model = subject.model
    if model is None or not model.shared_crystal or subject.config.source.device:
        return None
    path, text = config_txt(subject)
    on = [line.split("#")[0].replace(" ", "").strip() for line in text.splitlines()]
    audio = [line for line in on if re.match(r"dtparam=(.*,)?audio(=on)?(,|$)", line)]
    off = [line for line in on if re.match(r"dtparam=(.*,)?audio=off", line)]
    if audio and not off:
        return warn(
            "audio",
            "analogue audio is on: playing through it changes the PWM's clock",
            f"in {path}: dtparam=audio=off  (then reboot)",
        )
    return ok("audio", "analogue audio leaves the PWM alone")


def check_device(subject: Subject) -> Finding | None:
    """Is the link's device there, and may a member of its group use it?"""
    url = subject.config.link.url
    if subject.board is not None and subject.board.source == url and not subject.board.problem:
        return ok("device", f"{url} answers")
    device, bus = serial_device(url), i2c_address(url)
    if bus:
        device = f"/dev/i2c-{bus[0]}"
    if device is None:
        return None
    if not subject.root.exists(device):
        if bus:
            return fail("device", f"{device} is not there", "sudo raspi-config nonint do_i2c 0, and reboot")
        others = subject.root.names("/dev/serial/by-id")
        there = f"; there is {', '.join(others)}" if others else ""
        return fail(
            "device", f"{device} is not there{there}", "plug the board in, then: ls -l /dev/serial/by-id"
        )
    if subject.now_s is not None:
        mode = subject.root.path(device).stat().st_mode
        if stat.S_ISCHR(mode) and not mode & 0o060 and not mode & 0o006:
            return fail("device", f"{device} is open to root only", f"sudo chmod g+rw {device}")
    if device.startswith(("/dev/ttyACM", "/dev/ttyUSB")):
        names = [
            name
            for name in subject.root.names("/dev/serial/by-id")
            if subject.root.link_name(f"/dev/serial/by-id/{name}") == device.rpartition("/")[2]
        ]
        if names:
            return warn(
                "device",
                f"{device} is there, but another device may get that name after a reboot",
                f'in {paths.CONFIG}: url = "serial:/dev/serial/by-id/{names[0]}"',
            )
    return ok("device", f"{device} is there")


def check_i2c_bus(subject: Subject) -> Finding | None:
    """Is the bus one that mishandles clock stretching, and slow enough?"""
    bus, model = i2c_address(subject.config.link.url), subject.model
    if bus is None or model is None:
        return None
    for node in _I2C_NODES.get(bus[0], ()):
        data = subject.root.read_bytes(f"{node}/clock-frequency")
        hz = int.from_bytes(data[:4], "big") if data else 100_000
        if hz > 100_000:
            return warn(
                "i2c bus",
                f"bus {bus[0]} runs at {hz // 1000} kHz; the board is served safely up to 100 kHz",
                f"in config.txt: dtparam=i2c_arm_baudrate=100000 (was {hz})",
            )
        if model.i2c_stretch_bug:
            return warn(
                "i2c bus",
                f"bus {bus[0]} is the SoC's own controller, which mishandles clock stretching",
                "if reads fail: dtoverlay=i2c-gpio,bus=3 in config.txt, and link.url i2c:3:ADDRESS; or use USB",
            )
        return ok("i2c bus", f"bus {bus[0]} at {hz // 1000} kHz")
    return None


def _is_foreign(subject: Subject) -> bool:
    """Whether the PWM tells nothing of the system clock, so that the model's finding is all there is to say."""
    model = subject.model
    return model is not None and not model.shared_crystal and not subject.config.output.measure_only


CHECKS = (
    check_model,
    check_kernel,
    check_overlay,
    check_pwm,
    check_audio,
    check_device,
    check_i2c_bus,
)
