"""A simulated I2C bus for a daemon in another process: its transfers go over a unix socket.

A real bus is reached through the ioctl I2C_RDWR on ``/dev/i2c-N`` (smbus2's ``i2c_rdwr``), which takes a written
and a read message and raises OSError with the bus driver's errno. ``SocketBus`` stands in for smbus2's SMBus and
does the same; it leaves out the time that a transfer takes, clock stretching and several messages of one kind.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import threading
from typing import Any

from smbus2 import I2cFunc
from tcxo_firmware.simi2c import SimI2CBus

__all__ = ["ADDRESS", "BUS", "BusServer", "SocketBus"]

ADDRESS = 0x55
"""Of the simulated board (``boards/SIM``)."""
BUS = 1
"""The bus number that the daemon is told."""

_REQUEST = struct.Struct("<HHH")  # address, bytes to write (they follow), bytes to read
_ANSWER = struct.Struct("<iH")  # errno or 0, bytes read (they follow)
_HEADER_BUS = I2cFunc(0x0EFF0009)  # what a Pi's header bus says it can do


class BusServer:
    """Serves a bus at the socket ``path``, one client at a time, until closed."""

    def __init__(self, bus: SimI2CBus, path: str) -> None:
        self.bus = bus
        """The board's bus; exchange it when the board restarts."""
        self.connected = False
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(1)
        threading.Thread(target=self._serve, name="i2c-bus", daemon=True).start()

    def close(self) -> None:
        """Stop accepting clients."""
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


class SocketBus:
    """The client's end: what ``I2cLink`` uses of smbus2's SMBus. Raises OSError when the server is gone."""

    funcs = _HEADER_BUS

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def i2c_rdwr(self, write: Any, read: Any) -> None:
        """One written and one read message (smbus2's ``i2c_msg``) as one transfer."""
        data = bytes(write)
        self._socket.sendall(_REQUEST.pack(write.addr, len(data), read.len) + data)
        answer = self._socket.recv(_ANSWER.size, socket.MSG_WAITALL)
        if len(answer) < _ANSWER.size:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        code, length = _ANSWER.unpack(answer)
        if code:
            raise OSError(code, os.strerror(code))
        ctypes.memmove(read.buf, self._socket.recv(length, socket.MSG_WAITALL), length)

    def close(self) -> None:
        """Leave the bus."""
        self._socket.close()
