"""An I2C bus below smbus2: the ioctls of ``/dev/i2c-N``, served by whatever is on the bus."""

from __future__ import annotations

import ctypes
import errno
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
import smbus2.smbus2

FUNC_I2C, FUNC_SMBUS_ONLY = 0x0EFF0009, 0x0C7F0000
"""What a Pi's header bus and the kernel's i2c-stub say they can do."""


Device = Callable[[int, bytes, int], bytes]
"""(address, written bytes, bytes to read) -> what it answers; OSError where nobody acknowledges."""


class MemoryDevice:
    """A device at ``address`` whose memory is read from the 16-bit offset that was written."""

    def __init__(self, memory: bytearray, address: int = 0x42) -> None:
        self.memory, self.address = memory, address
        self.halfway: deque[Callable[[], None]] = deque()
        """Called one a read, in its middle: to tear it."""

    def __call__(self, address: int, write: bytes, read: int) -> bytes:
        if address != self.address:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        offset = int.from_bytes(write, "big")
        first = bytes(self.memory[offset : offset + read // 2])
        if self.halfway:
            self.halfway.popleft()()
        return first + bytes(self.memory[offset + read // 2 : offset + read])


class FakeBus:
    """Answers as the kernel. ``faults`` are used up one a transfer: an errno, or 0 for a good one."""

    def __init__(self, device: Device, functions: int = FUNC_I2C) -> None:
        self.device = device
        self.functions = functions
        self.faults: deque[int] = deque()
        self.always = 0
        self.transfers = 0
        self.open_error = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the bus behind ``/dev/i2c-1``."""
        real_open = os.open

        def open_bus(path: Any, flags: int, *rest: int, **named: Any) -> int:
            # every os.open of the process comes here: shutil.rmtree's, with dir_fd, too
            if path != "/dev/i2c-1":
                return real_open(path, flags, *rest, **named)
            if self.open_error:
                raise OSError(self.open_error, os.strerror(self.open_error))
            return real_open(os.devnull, os.O_RDWR)

        monkeypatch.setattr(smbus2.smbus2.os, "open", open_bus)
        monkeypatch.setattr(smbus2.smbus2, "ioctl", self._ioctl)

    def _ioctl(self, handle: int, request: int, argument: Any) -> None:
        if request == smbus2.smbus2.I2C_FUNCS:
            argument.value = self.functions
            return
        assert request == smbus2.smbus2.I2C_RDWR, hex(request)
        if not self.functions & 1:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        self.transfers += 1
        fault = self.always or (self.faults.popleft() if self.faults else 0)
        if fault:
            raise OSError(fault, os.strerror(fault))
        write, read = (argument.msgs[i] for i in range(argument.nmsgs))
        answer = self.device(write.addr, ctypes.string_at(write.buf, write.len), read.len)
        ctypes.memmove(read.buf, answer, read.len)
