"""A simulated I2C bus for a daemon in another process: the ioctls of ``/dev/i2c-1``, over a unix socket.

``python -m tcxo_host.sim.i2c_door SOCKET SPEED run --link i2c:1:0x55 ...`` is ``tcxo-host run ...`` with
the kernel's end of smbus2 exchanged and the link's clock running ``SPEED`` times as fast; everything above
is what runs on a Pi.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import socket
import struct
import sys
import threading
import time
from typing import Any

import smbus2.smbus2
from tcxo_firmware.simi2c import SimI2CBus

from ..cli.main import main as tcxo_host
from ..link import i2c as link_i2c

__all__ = ["ADDRESS", "DEVICE", "I2cDoor"]

ADDRESS = 0x55
"""Of the simulated board (``boards/SIM``)."""
DEVICE = "/dev/i2c-1"

_REQUEST = struct.Struct("<HHH")  # address, bytes to write (they follow), bytes to read
_ANSWER = struct.Struct("<iH")  # errno or 0, bytes read (they follow)
_FUNC_I2C = 0x0EFF0009  # what a Pi's header bus says it can do


class I2cDoor:
    """Serves a bus at ``path``, one client at a time, until closed."""

    def __init__(self, bus: SimI2CBus, path: str) -> None:
        self.bus = bus
        """The board's bus; exchange it when the board restarts."""
        self.connected = False
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(1)
        threading.Thread(target=self._serve, name="i2c-door", daemon=True).start()

    def close(self) -> None:
        """Nobody gets in any more."""
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connected = True
                with client, contextlib.suppress(ConnectionError):
                    while request := client.recv(_REQUEST.size, socket.MSG_WAITALL):
                        address, write, read = _REQUEST.unpack(request)
                        client.sendall(self._transfer(address, client.recv(write, socket.MSG_WAITALL), read))

    def _transfer(self, address: int, write: bytes, read: int) -> bytes:
        try:
            answer = self.bus.transfer(address, write, read)
        except OSError as error:
            return _ANSWER.pack(error.errno or errno.EIO, 0)
        return _ANSWER.pack(0, len(answer)) + answer


class _Kernel:
    """What smbus2 calls of the kernel, for ``DEVICE``."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._real_open = os.open

    def open(self, path: Any, *rest: Any, **options: Any) -> int:
        return self._real_open(os.devnull if path == DEVICE else path, *rest, **options)

    def ioctl(self, handle: int, request: int, argument: Any) -> None:
        if request == smbus2.smbus2.I2C_FUNCS:
            argument.value = _FUNC_I2C
            return
        messages = [argument.msgs[index] for index in range(argument.nmsgs)]
        write = next((each for each in messages if not each.flags & smbus2.smbus2.I2C_M_RD), None)
        read = next((each for each in messages if each.flags & smbus2.smbus2.I2C_M_RD), None)
        data = ctypes.string_at(write.buf, write.len) if write else b""
        size = read.len if read else 0
        self._socket.sendall(_REQUEST.pack(messages[0].addr, len(data), size) + data)
        code, length = _ANSWER.unpack(self._socket.recv(_ANSWER.size, socket.MSG_WAITALL))
        if code:
            raise OSError(code, os.strerror(code))
        if read:
            ctypes.memmove(read.buf, self._socket.recv(length, socket.MSG_WAITALL), length)


def main() -> int:
    """Exchange the kernel's end, then be ``tcxo-host``."""
    path, speed, *arguments = sys.argv[1:]
    kernel, factor = _Kernel(path), float(speed)
    os.open = kernel.open
    setattr(smbus2.smbus2, "ioctl", kernel.ioctl)  # noqa: B010 - the stubs do not know what it imports
    clocks = {
        "clock": lambda: time.monotonic() * factor,
        "pause": lambda seconds: time.sleep(seconds / factor),
    }
    link_i2c.I2cLink = functools.partial(link_i2c.I2cLink, **clocks)  # type: ignore[misc,assignment,arg-type]
    return tcxo_host(arguments)


if __name__ == "__main__":
    sys.exit(main())
