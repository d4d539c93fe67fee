"""Telling systemd how the service is (sd_notify(3)): a datagram to ``$NOTIFY_SOCKET``, nothing more."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

__all__ = ["Notifier"]


class Notifier:
    """Sends states to the service manager; does nothing where there is none. Never raises.

    A lost message does not stop the measurement: systemd notices a silent service by itself.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@name" is a socket in the abstract name space, whose real name starts with a NUL
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_watched = bool(environ.get("WATCHDOG_USEC"))
        if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            self._is_watched = False  # meant for another process of the unit
        self._last_status = ""

    def ready(self) -> None:
        """The start is done."""
        self._send("READY=1")

    def watchdog(self) -> None:
        """A valid second was seen, or a hold was decided: the loop runs and is in a known state."""
        if self._is_watched:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; an unchanged one is not sent again."""
        line = text.replace("\n", " ")
        if line != self._last_status:
            self._last_status = line
            self._send(f"STATUS={line}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
                # systemd stops reading while it reloads; waiting here would stall the measurement
                client.setblocking(False)
                client.sendto(message.encode(), self._address)
        except OSError:
            return
