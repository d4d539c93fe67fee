"""Which UART a device name stands for, and whether its bytes tell anything of the system clock."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UnavailableError
from ..models import PiModel
from ..root import Root

__all__ = ["UartPort", "find_uart", "tty_name"]

_CLASS = "/sys/class/tty"
_DRIVERS = {"uart-pl011": "pl011", "serial": "16550", "serial8250": "16550", "of_serial": "16550"}
_SERIAL_CORE = ("port", "ctrl")
"""Drivers of the serial core's own devices, which stand between a UART and its tty since Linux 6.5."""
_NO_HARDWARE = "0"
"""PORT_UNKNOWN: the 8250 driver makes names for ports that are not there."""


@dataclass(frozen=True, slots=True)
class UartPort:
    """A UART that can be the host's signal.

    ``kind``: as in ``divider.KINDS``. ``clock_hz``: what the kernel says its clock has. ``is_system_crystal``:
    whether that clock comes from the crystal that the system clock counts; None where nothing tells.
    """

    device: str
    name: str
    kind: str
    driver: str
    clock_hz: int
    is_system_crystal: bool | None


def tty_name(root: Root, device: str) -> str:
    """The kernel's name of a device, links followed: ``/dev/serial0`` is ``ttyAMA10`` on a Pi 5."""
    return root.real(device).rpartition("/")[2]


def find_uart(root: Root, device: str, model: PiModel | None) -> UartPort:
    """The UART behind ``device``; ``model`` is None on a machine that is no known Raspberry Pi.

    Raises UnavailableError, with the reason, for one that is not there or says nothing of the system clock.
    """
    name = tty_name(root, device)
    place = f"{_CLASS}/{name}"
    if not root.exists(device) or not root.exists(place):
        raise UnavailableError(f"{device} is not there", _how_to_get(model))
    path, driver = _hardware(root, place)
    if "/usb" in path:
        raise UnavailableError(
            f"{device} is a USB adapter ({driver or 'no driver'}), whose bytes are timed by a crystal of its own",
            "use a UART of the processor",
        )
    if driver == "bcm2835-aux-uart":
        raise UnavailableError(
            f"{device} is the mini UART, whose clock follows the core clock", _how_to_get(model)
        )
    if driver not in _DRIVERS:
        raise UnavailableError(
            f"{device} (driver {driver or 'none'}) is no UART whose clock is known: {_known()}",
            _how_to_get(model),
        )
    if model is not None and not path.endswith(model.uart.address) and ".pcie" in path:
        raise UnavailableError(
            f"{device} is a UART of the RP1 chip, on that chip's own crystal", _how_to_get(model)
        )
    if root.read(f"{place}/type") == _NO_HARDWARE:
        raise UnavailableError(f"{device} is a name without a UART behind it", "see dmesg | grep tty")
    clock_hz = _clock_hz(root, place, model)
    if not clock_hz:
        raise UnavailableError(f"{place}/uartclk does not tell the UART's clock", "run it with sudo")
    return UartPort(device, name, _DRIVERS[driver], driver, clock_hz, True if model is not None else None)


def _clock_hz(root: Root, place: str, model: PiModel | None) -> int:
    """From the driver, which knows it for sure while the port is open; else from the device tree; 0: not known."""
    told = root.read(f"{place}/uartclk") or ""
    if told.isdigit() and int(told):
        return int(told)
    if model is None:
        return 0
    data = root.read_bytes(f"{model.uart.clock_node}/clock-frequency") if model.uart.clock_node else None
    return int.from_bytes(data[:4], "big") if data else model.uart.clock_hz


def _hardware(root: Root, place: str) -> tuple[str, str]:
    """The device in /sys that the tty belongs to, and its driver; empty where there is none (a pseudo terminal)."""
    path = root.real(place)
    while (path := path.rpartition("/")[0]).startswith("/sys/devices/"):
        driver = root.link_name(f"{path}/driver")
        if driver and driver not in _SERIAL_CORE:
            return path, driver
    return "", ""


def _known() -> str:
    return "a PL011 or a 16550 is needed"


def _how_to_get(model: PiModel | None) -> str:
    if model is None:
        return "name the first serial port, uart:/dev/ttyS0"
    lines = "".join(f", with {line!r} in config.txt" for line in model.uart.config_lines[-1:])
    return f"on a {model.title} it is uart:{model.uart.device}{lines}"
