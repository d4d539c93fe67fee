"""A link by its URL: ``serial:DEVICE``, ``i2c:BUS:ADDRESS``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:  # settings are checked with this, and the PWM's setup loads nothing heavy
    from .interface import Link

__all__ = ["check_url", "open_link"]


def open_link(url: str, baud: int = 115200) -> Link:
    """Open a link by its URL: ``serial:DEVICE`` or ``serial:`` before a pyserial URL; a bare path is serial.

    Raises LinkError when the device is not there, busy or refused, UsageError for an unknown kind of URL.
    """
    kind, _, rest = check_url(url).partition(":")
    if kind == "serial":
        from .serial import SerialLink

        return SerialLink(rest, baud)
    from .i2c import I2cLink

    return I2cLink(rest)


def check_url(url: str) -> str:
    """The URL in full; opens nothing. Raises UsageError for one that ``open_link`` would not take."""
    if url.startswith("/"):
        url = "serial:" + url
    kind, _, rest = url.partition(":")
    if kind == "i2c":
        from .i2c import parse_address

        parse_address(rest)
    elif kind != "serial" or not rest or not rest.isprintable() or any(each in rest for each in '"\\ '):
        raise UsageError(
            f"link {url!r}: expected serial:/dev/ttyACM0, serial:socket://HOST:PORT or i2c:BUS:ADDRESS"
        )
    return url
