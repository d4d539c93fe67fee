"""A UART's line in the kernel: its speed, what waits in its buffer, bytes into it. The only user of its ioctls.

Numbers and layouts: Linux ``include/uapi/asm-generic/ioctls.h`` and ``termbits.h`` (alike on arm, arm64, x86 and
riscv). The standard library has no ``termios2``, which alone takes any speed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from typing import Protocol

__all__ = ["KernelLine", "Line"]

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
_TIOCSERGETLSR = 0x5459
_TIOCSER_TEMT = 1
_TERMIOS2 = struct.Struct("=4IB19s2I")
_BOTHER = 0o010000
_CFLAG = termios.CS8 | termios.CLOCAL | _BOTHER
"""Eight bits, no parity, no modem lines, no reading, any speed; no HUPCL, which drops a line at the end."""
_SPEED_AND_FORM = 0o010017 | termios.CSIZE | termios.PARENB | termios.CSTOPB


class Line(Protocol):
    """What the feeder needs. Each call raises OSError when the device is gone."""

    def set_speed(self, baud: int) -> None:
        """Eight data bits, no parity, one stop bit, ``baud``; bytes go out as they are."""

    def is_as_set(self, baud: int) -> bool:
        """Whether speed and form still are what ``set_speed`` made them."""

    def is_idle(self) -> bool:
        """Whether nothing is being sent: buffer, FIFO and shift register are empty."""

    def waiting(self) -> int:
        """Bytes in the kernel's buffer."""

    def write(self, data: bytes) -> int:
        """Put bytes into the buffer, and return how many fitted, at once."""

    def close(self) -> None:
        """Give the device back as it was; what waits is dropped, so that nothing has to be waited for."""


class KernelLine:
    """``Line`` of a device file, which nobody else may open meanwhile (root still may)."""

    def __init__(self, device: str) -> None:
        self._handle = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._handle, termios.TIOCEXCL)
            self._before = fcntl.ioctl(self._handle, _TCGETS2, bytes(_TERMIOS2.size))
        except OSError:
            os.close(self._handle)
            raise

    def set_speed(self, baud: int) -> None:
        wanted = _TERMIOS2.pack(0, 0, _CFLAG, 0, 0, bytes(19), baud, baud)
        fcntl.ioctl(self._handle, _TCSETS2, wanted)

    def is_as_set(self, baud: int) -> bool:
        _, oflag, cflag, _, _, _, _, speed = _TERMIOS2.unpack(
            fcntl.ioctl(self._handle, _TCGETS2, bytes(_TERMIOS2.size))
        )
        form = cflag & _SPEED_AND_FORM
        # the kernel may answer a usual speed by its old name instead of BOTHER
        return bool(speed == baud and form & ~0o010017 == termios.CS8 and not oflag & termios.OPOST)

    def is_idle(self) -> bool:
        try:
            (state,) = struct.unpack("=i", fcntl.ioctl(self._handle, _TIOCSERGETLSR, bytes(4)))
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            return self.waiting() == 0
        return bool(state & _TIOCSER_TEMT)

    def waiting(self) -> int:
        (count,) = struct.unpack("=i", fcntl.ioctl(self._handle, termios.TIOCOUTQ, bytes(4)))
        return int(count)

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._handle, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        with contextlib.suppress(termios.error, OSError):  # of a device that is gone, and its buffer with it
            termios.tcflush(self._handle, termios.TCOFLUSH)
            fcntl.ioctl(self._handle, _TCSETS2, self._before)
        os.close(self._handle)
