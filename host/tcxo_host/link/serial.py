"""The serial link: USB CDC, UART, or a socket that stands for one, through pyserial."""

from __future__ import annotations

import errno
import os
import time

import serial
from tcxo_protocol.framing import FrameDecoder, LineCounts

from ..errors import LinkError
from .interface import Received

__all__ = ["SerialLink"]


class SerialLink:
    """Frames from a serial line. Opens at once; raises LinkError with the remedy when it cannot."""

    def __init__(self, device: str, baud: int = 115200) -> None:
        self.url = f"serial:{device}"
        self._decoder = FrameDecoder()
        try:
            self._port = serial.serial_for_url(device, baudrate=baud, timeout=0.5, do_not_open=True)
            if "://" not in device:  # URL handlers know neither
                self._port.exclusive = True  # two readers would each get half of the frames
                self._port.write_timeout = 1
            self._port.open()
        except (OSError, ValueError) as error:
            raise _cannot_open(device, error) from None

    @property
    def counts(self) -> LineCounts:
        """What the line has brought since it was opened."""
        return self._decoder.counts

    def read(self, timeout_s: float) -> list[Received]:
        """Frames that are complete by now, or the first to come within about ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while True:
            data = self._read_some(timeout_s)
            host_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            frames = self._decoder.feed(data)
            if frames or not data or time.monotonic() > deadline:
                return [Received(host_ns, frame.payload) for frame in frames]

    def send(self, command: str) -> None:
        """Send one ASCII command line."""
        try:
            self._port.write(command.encode("ascii") + b"\n")
        except OSError as error:
            raise LinkError(f"{self.url}: cannot send {command!r}: {error}") from None

    def close(self) -> None:
        """Release the port."""
        # A device that was unplugged may refuse even to be closed.
        try:
            self._port.close()
        except OSError:
            return

    def _read_some(self, timeout_s: float) -> bytes:
        try:
            if self._port.timeout != timeout_s:  # setting it reconfigures the port, over the network too
                self._port.timeout = timeout_s
            first: bytes = self._port.read(1)
            waiting = self._port.in_waiting if first else 0
            return first + (self._port.read(waiting) if waiting else b"")
        except (OSError, TypeError) as error:  # pyserial raises TypeError when it is closed during a read
            raise LinkError(f"{self.url}: the device went away ({error})") from None


def _cannot_open(device: str, error: Exception) -> LinkError:
    if isinstance(error, ValueError):
        return LinkError(f"{device}: not a serial device or URL ({error})")
    if "://" in device:
        return LinkError(f"{device}: cannot connect ({error})")
    if not os.path.exists(device):
        return LinkError(
            f"{device}: no such device", "is the board plugged in? ls -l /dev/serial/by-id shows boards"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return LinkError(
            f"{device}: permission denied", "add the user to the group that owns it (usually dialout)"
        )
    if "lock" in str(error).lower() or "busy" in str(error).lower():
        return LinkError(
            f"{device}: another program has it open", "end that one first (fuser -v shows which)"
        )
    if f"({errno.ENOTTY}," in str(error):  # pyserial keeps the number in its text only
        return LinkError(f"{device}: not a serial port", "ls -l /dev/serial/by-id shows boards")
    return LinkError(f"{device}: cannot open ({error})")
