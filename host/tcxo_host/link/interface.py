"""The door through which a board's records enter: one interface for every kind of link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tcxo_protocol.framing import LineCounts

from ..errors import UsageError

__all__ = ["Link", "Received", "check_url", "open_link"]


@dataclass(frozen=True, slots=True)
class Received:
    """The records of one intact frame. ``host_ns``: CLOCK_MONOTONIC_RAW when it arrived."""

    host_ns: int
    payload: bytes


class Link(Protocol):
    """An open connection to a board."""

    url: str

    @property
    def counts(self) -> LineCounts:
        """What was received, lost and damaged since the link was opened."""

    def read(self, timeout_s: float) -> list[Received]:
        """Wait at most ``timeout_s`` for records; an empty list when none came. Raises LinkError when gone."""

    def send(self, command: str) -> None:
        """Send one command line (``id``, ``status``, ``stream on``...). Raises LinkError when gone."""

    def close(self) -> None:
        """Release the device. Never raises."""


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
