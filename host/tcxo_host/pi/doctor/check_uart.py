"""Checks of a UART as the signal: which one it is, what it makes of the speed, and who else writes to it."""

from __future__ import annotations

from ...config import paths
from ...errors import TcxoError
from ..root import Root
from ..source import refuse_shared_port, timing_of
from ..uart.console import console_words, holders, is_kernel_console, login_units
from ..uart.port import find_uart, tty_name
from .check import Finding, Subject, fail, ok, warn
from .check_machine import config_txt

__all__ = ["CHECKS"]


def check_uart(subject: Subject) -> Finding | None:
    """Is it a UART on the system clock's crystal, and does it make the wanted rate?"""
    source, model = subject.config.source, subject.model
    if not source.device:
        return None
    try:
        refuse_shared_port(subject.root, subject.config.link.url, source)
        port = find_uart(subject.root, source.device, model)
        timing = timing_of(port, source, model)
    except TcxoError as error:
        return fail("uart", error.problem, error.remedy or f"mend [source] in {paths.CONFIG}")
    pin = model.uart.pin if model and source.device == model.uart.device else "TX"
    made = f"{timing.clock_hz} Hz / 16 / {float(timing.divisor):g} / 10"
    where = f"{source.uart_hz:g} Hz on {source.device} ({pin})"
    if port.is_system_crystal is None:
        return warn(
            "uart",
            f"{where}: {made}; whether its clock and the system clock are on one crystal is not known",
            "compare tcxo-host status with chronyc tracking over hours, warm and cold, before you trust it",
        )
    proven = "" if model is None or model.shared_crystal else "; by its device tree, not tried on hardware"
    if timing.exact:
        return ok("uart", f"{where}, exact: {made}{proven}")
    bias = f", constant bias {timing.bias_ppm:+.3f} ppm" if abs(timing.bias_ppm) >= 0.0005 else ""
    return ok("uart", f"{where}: {made}{bias}{proven}")


def check_console(subject: Subject) -> Finding | None:
    """Does anybody else write to it?"""
    root, device = subject.root, subject.config.source.device
    if not device or not root.exists(device):
        return None
    name, model = tty_name(root, device), subject.model
    folder = config_txt(subject)[0].rpartition("/")[0]
    first = model.uart.first_serial if model else ""
    path = f"{folder}/cmdline.txt"
    words = " ".join(word for _, word in console_words(root, name, root.read(path) or "", first))
    if words:
        return fail("console", f"{path} puts a console on {device}", f"take {words!r} out of it, and reboot")
    if is_kernel_console(root, name):
        return fail(
            "console",
            f"the kernel prints its messages on {device}",
            f"take its console= out of the kernel's command line ({_asked(root, name)!r} is there), and reboot",
        )
    if units := login_units(root, name):
        return fail(
            "console", f"{units[0]} is a login on {device}", f"sudo systemctl disable --now {units[0]}"
        )
    if others := holders(root, name):
        stop = f"sudo systemctl mask --now serial-getty@{name}.service, or end what started it"
        return fail("console", f"{', '.join(others)} has {device} as its terminal", stop)
    return ok("console", f"nobody else is on {device}")


def _asked(root: Root, name: str) -> str:
    words = console_words(root, name, root.read("/proc/cmdline") or "")
    return words[0][1] if words else f"console={name}"


CHECKS = (check_uart, check_console)
