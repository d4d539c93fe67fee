"""HTTP for a few scrapers at a time: idle, slow and too many connections cost others nothing."""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import threading
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

__all__ = ["MOST_CONNECTIONS", "MetricsServer"]

MOST_CONNECTIONS = 8
"""Threads and descriptors that serving may take. One more connection ends the oldest."""
DEADLINE_S = 10.0
"""A connection ends this long after it began, however it spends the time."""
_POLL_S = 0.5
_EMFILE_PAUSE_S = 0.2


class MetricsServer(socketserver.ThreadingMixIn, WSGIServer):
    """Serves the WSGI ``application`` on ``host:port`` until ``close``, in threads of its own.

    Raises OSError when it cannot listen, socket.gaierror (an OSError) for an unknown host.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str, port: int, application: Any) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._open: dict[Any, float] = {}
        super().__init__((host, port), _Handler)
        self.set_app(application)
        threading.Thread(target=self.serve_forever, args=(_POLL_S,), daemon=True).start()

    def server_bind(self) -> None:
        """As WSGIServer, but for its question to the name server, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()

    def close(self) -> None:
        """Stop listening, and end what is open."""
        self.shutdown()
        self.server_close()
        self._end_older_than(0.0)

    def get_request(self) -> Any:
        """The next connection; a full table of descriptors is waited out, not spun on."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(_EMFILE_PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give it a thread; where all are taken, after the oldest connection has ended."""
        taken = self._free.acquire(blocking=False)
        while not taken:
            self._end_oldest()
            taken = self._free.acquire(timeout=_POLL_S)
        with self._lock:
            self._open[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """The end of a connection, whichever side ends it."""
        with self._lock:
            known = self._open.pop(request, None) is not None
        super().shutdown_request(request)
        if known:
            self._free.release()

    def service_actions(self) -> None:
        """Called every half a second, also while there is no connection."""
        self._end_older_than(DEADLINE_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or sent an invalid request is not logged."""

    def _end_oldest(self) -> None:
        with self._lock:
            if self._open:
                _wake(min(self._open, key=self._open.__getitem__))

    def _end_older_than(self, seconds: float) -> None:
        now = time.monotonic()
        with self._lock:
            for request, began in self._open.items():
                if now - began >= seconds:
                    _wake(request)


def _wake(request: socket.socket) -> None:
    """Whatever its thread waits for ends at once; the thread then closes it."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not logged."""
