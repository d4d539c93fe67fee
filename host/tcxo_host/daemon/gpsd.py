"""Whether the GPS receiver has a fix, as gpsd says: a receiver without one still gives pulses, by its own crystal.

gpsd's protocol is a line of JSON a report (gpsd_json(5)): ``TPV`` carries ``mode``, 0 unknown, 1 no fix, 2 and 3 a
fix. Nothing here waits; a host's name is resolved in a thread of its own, which may take half a minute.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from typing import Any

from ..errors import ConfigError

__all__ = ["GpsFix", "parse_address"]

DEFAULT_PORT = 2947
STALE_S = 10.0
"""gpsd reports about once a second; older news than this is no news."""
RETRY_S = 10.0
CONNECTING_S = 5.0
"""An address of the host that does not answer for so long makes room for the next one."""
SILENT_S = 30.0
"""A gpsd that says nothing at all for so long may be gone without a word: it is connected anew."""
MOST_BYTES = 65536
"""A longer line is not gpsd's."""
MOST_READS = 16
"""A flood must not keep the caller."""

_WATCH = b'?WATCH={"enable":true,"json":true}\n'


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST`` or ``HOST:PORT``. Raises ConfigError."""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(DEFAULT_PORT))
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"gps.gpsd = {text!r}: expected HOST or HOST:PORT such as localhost:{DEFAULT_PORT}")
    return host.removeprefix("[").removesuffix("]"), int(port)


class _Resolving:
    """A host's name on its way to addresses; ``done`` once ``found`` or ``error`` is there."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.found: list[Any] = []
        self.error: OSError | None = None
        self.done = False
        threading.Thread(target=self._resolve, name="gpsd-name", daemon=True).start()

    def _resolve(self) -> None:
        try:
            self.found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        except OSError as error:
            self.error = error
        except UnicodeError:  # a label that is empty or too long
            self.error = OSError(errno.EINVAL, "not a host's name")
        self.done = True


class GpsFix:
    """Follows gpsd at ``address``. While gpsd says nothing, nothing is known, and the pulses are used.

    ``problem`` says why nothing is known, or is empty.
    """

    def __init__(self, address: str) -> None:
        self._address = parse_address(address)
        self.problem = f"gpsd at {address}: not asked yet"
        self._name = address
        self._socket: socket.socket | None = None
        self._resolving: _Resolving | None = None
        self._addresses: list[Any] = []
        """Those of the host's that were not tried yet."""
        self._heard_s: float | None = None
        """When something came over this connection; None before that."""
        self._begun_s = 0.0
        self._received = b""
        self._mode: int | None = None
        self._mode_s = 0.0
        self._tried_s = float("-inf")

    def has_fix(self, now_s: float) -> bool | None:
        """True or False as gpsd said within ``STALE_S``; None when it said nothing. ``now_s``: any steady clock."""
        if self._socket is None and now_s - self._tried_s >= RETRY_S:
            self._tried_s = now_s
            self._resolving = self._resolving or _Resolving(self._address)
        if self._resolving is not None and self._resolving.done:
            resolved, self._resolving = self._resolving, None
            self._addresses = resolved.found
            self._connect_next(now_s, resolved.error)
        self._read(now_s)
        self._give_up(now_s)
        if self._mode is None or now_s - self._mode_s > STALE_S:
            if self._socket is not None:
                self.problem = (
                    f"gpsd at {self._name}: no report for {STALE_S:.0f} s: does it run, and see the receiver?"
                )
            return None
        self.problem = ""
        return self._mode >= 2

    def close(self) -> None:
        """Leave gpsd."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect_next(self, now_s: float, error: OSError | None = None) -> None:
        """Begin to connect to the next address that lets itself be tried; ``error``: what became of the last one."""
        self.close()
        self._received, self._heard_s, self._begun_s = b"", None, now_s
        while self._addresses:
            family, kind, protocol, _, address = self._addresses.pop(0)
            try:
                self._socket = socket.socket(family, kind, protocol)
                self._socket.setblocking(False)
                code = self._socket.connect_ex(address)
                if code in (0, errno.EINPROGRESS):
                    return
                raise OSError(code, os.strerror(code))
            except OSError as refused:
                error = refused
                self.close()
        if error is not None:
            self.problem = f"gpsd at {self._name}: {error.strerror or error}: trying again"

    def _give_up(self, now_s: float) -> None:
        """Leave a connection that comes to nothing, or over which nothing comes."""
        if self._socket is None:
            return
        if self._heard_s is None and self._addresses and now_s - self._begun_s > CONNECTING_S:
            self._connect_next(now_s)
        elif now_s - (self._begun_s if self._heard_s is None else self._heard_s) > SILENT_S:
            self.close()

    def _read(self, now_s: float) -> None:
        if self._socket is None:
            return
        try:
            for _ in range(MOST_READS):
                data = self._socket.recv(MOST_BYTES)
                if not data:
                    raise OSError(errno.ECONNRESET, "it closed the connection")
                self._heard_s, self._addresses = now_s, []
                self._received += data
                *lines, self._received = self._received.split(b"\n")
                for line in lines:
                    self._take(line, now_s)
                if len(self._received) > MOST_BYTES:
                    raise OSError(errno.EPROTO, "a line without end")
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # still connecting
                self._connect_next(now_s, error)

    def _take(self, line: bytes, now_s: float) -> None:
        with contextlib.suppress(ValueError, RecursionError, OSError):
            report: Any = json.loads(line)
            if not isinstance(report, dict):
                return
            if report.get("class") == "VERSION" and self._socket is not None:
                self._socket.send(_WATCH)
            elif report.get("class") == "TPV" and type(report.get("mode")) is int:
                self._mode, self._mode_s = report["mode"], now_s
