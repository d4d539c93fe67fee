"""chronyd's socket for samples of a reference clock (``refclock SOCK``): chronyd makes it, we write to it."""

from __future__ import annotations

import socket

__all__ = ["SampleSocket"]


class SampleSocket:
    """Sends datagrams to ``path``. Never raises: chronyd may come and go.

    ``line``: the line that chrony needs; ``option``: the one of ``tcxo-host install`` that opens the socket.
    """

    def __init__(self, path: str, line: str, option: str) -> None:
        self.path = path
        self.problem = ""
        """Why the last sample was not taken, with its remedy, or empty."""
        self._line, self._option = line, option
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, sample: bytes) -> bool:
        """Whether the sample was taken."""
        try:
            self._socket.sendto(sample, self.path)
        except PermissionError:
            self.problem = (
                f"{self.path} may not be written: chronyd makes it for root only;"
                f" 'tcxo-host install {self._option}' opens it to the service"
            )
        except FileNotFoundError:
            self.problem = f"{self.path} is not there: chrony needs the line {self._line!r} and a restart"
        except OSError as error:
            self.problem = f"{self.path}: chronyd does not take samples ({error.strerror}): is it running?"
        else:
            self.problem = ""
        return not self.problem

    def close(self) -> None:
        """Release the socket; chrony sees the samples end."""
        self._socket.close()
