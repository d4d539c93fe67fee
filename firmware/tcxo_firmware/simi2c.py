"""The controller's end of the simulated board's I2C bus."""

from __future__ import annotations

import errno
import os
import select
import struct
import threading

__all__ = ["SimI2CBus"]

_PATIENCE_S = 1.0


class SimI2CBus:
    """One bus with the simulated board on it. Thread-safe.

    Raises OSError as the Pi's kernel driver does: EREMOTEIO where no device acknowledges the address,
    ETIMEDOUT where the board does not answer. Usable again after either.
    """

    def __init__(self, request_fd: int, answer_fd: int) -> None:
        self._request_fd, self._answer_fd = request_fd, answer_fd
        self._lock = threading.Lock()
        self._is_open = True
        self._token = 0
        self.clocks = 0
        """Bus clocks used so far: nine a byte, address bytes included, and two for start and stop."""

    def transfer(self, address: int, write: bytes = b"", read: int = 0) -> bytes:
        """Write ``write``, then (with a repeated start, where both are) read ``read`` bytes."""
        with self._lock:
            if not self._is_open:
                raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
            try:
                acknowledged, answer = self._ask(address, write, read)
            except BrokenPipeError:
                acknowledged = False
            if not acknowledged:
                raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
            self.clocks += 2 + 9 * ((1 + len(write) if write else 0) + (1 + read if read else 0))
            return answer

    def _ask(self, address: int, write: bytes, read: int) -> tuple[bool, bytes]:
        self._token = (self._token + 1) & 0xFF
        os.write(self._request_fd, struct.pack("<BBHH", self._token, address, len(write), read) + write)
        while True:
            token, acknowledged, length = struct.unpack("<BBH", self._take(4))
            answer = self._take(length)
            if token == self._token:  # else the late answer to a request that timed out
                return bool(acknowledged), answer

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            ready, _, _ = select.select([self._answer_fd], [], [], _PATIENCE_S)
            if not ready:
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            chunk = os.read(self._answer_fd, count - len(data))
            if not chunk:
                raise BrokenPipeError
            data += chunk
        return data

    def close(self) -> None:
        """The board is gone: from now on no address is acknowledged."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                os.close(self._request_fd)
                os.close(self._answer_fd)
