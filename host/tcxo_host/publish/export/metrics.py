"""The daemon's figures for Prometheus: an HTTP endpoint, a text file for node_exporter, or both."""

from __future__ import annotations

import errno
import importlib
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, ProblemLog, missing_extra
from ...files import replace_file
from .metric_families import families

if TYPE_CHECKING:
    from .metrics_server import MetricsServer

__all__ = ["Metrics"]

log = logging.getLogger("tcxo_host")

RETRY_S = 10.0


class Metrics:
    """Serves and writes what ``update`` was last given; until then only ``tcxo_info``.

    ``listen``: ``HOST:PORT`` or empty; ``textfile``: path, or empty. What can only be a mistake stops the
    daemon at its start: raises ConfigError for a malformed address or a port that another program has, and
    UnavailableError without prometheus-client. An address or name that does not exist yet, as before the
    network is up, is tried again; later nothing raises.
    """

    def __init__(self, listen: str = "", textfile: str = "") -> None:
        try:
            self._client: Any = importlib.import_module("prometheus_client")
            self._core = importlib.import_module("prometheus_client.core")
        except ImportError:
            raise missing_extra("metrics", "prometheus-client", "metrics") from None
        self._version = version("tcxo-host")
        self._values: Mapping[str, Any] | None = None
        self._textfile = Path(textfile) if textfile else None
        self._problems = ProblemLog()
        self._registry = self._client.CollectorRegistry()
        self._registry.register(self)
        self._listen = listen
        self._server: MetricsServer | None = None
        self._tried = 0.0
        if listen:
            self._serve()

    @property
    def port(self) -> int | None:
        """Where it is served; None while it is not."""
        return None if self._server is None else self._server.server_port

    def update(self, values: Mapping[str, Any]) -> None:
        """Take a new status, as the status file has it. Never raises."""
        self._values = values
        if self._listen and self._server is None and time.monotonic() - self._tried > RETRY_S:
            try:
                self._serve()
            except ConfigError as error:
                self._problems.note("metrics.listen", str(error))
        if self._textfile is not None:
            self._write(self._textfile)

    def close(self) -> None:
        """Stop serving. The text file stays, and its time stamps show that it is old."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def describe(self) -> list[Any]:
        """Nothing to say before there are values (part of prometheus-client's collector interface)."""
        return []

    def collect(self) -> Iterator[Any]:
        """The families of one scrape, all of one second."""
        return families(self._core, self._version, self._values)

    def _serve(self) -> None:
        from .metrics_server import MetricsServer  # an HTTP server is two MiB that few need

        host, port = _address(self._listen)
        self._tried = time.monotonic()
        try:
            self._server = MetricsServer(host, port, self._client.make_wsgi_app(self._registry))
        except OSError as error:
            problem = f"metrics.listen = {self._listen!r}: cannot listen: {error.strerror}"
            if error.errno not in (errno.EADDRNOTAVAIL, socket.EAI_AGAIN):
                raise ConfigError(f"{problem}: choose another HOST:PORT, or none") from None
            self._problems.note("metrics.listen", f"{problem}; trying again until it can listen")
            return
        log.info("metrics on http://%s:%d/metrics", host, self._server.server_port)

    def _write(self, path: Path) -> None:
        try:
            replace_file(path, self._client.generate_latest(self._registry))
            self._problems.note("metrics.textfile", "")
        except OSError as error:
            self._problems.note("metrics.textfile", f"{path}: cannot write the metrics: {error.strerror}")
        except Exception as error:  # a bug here must not cost the clock its correction
            self._problems.note("metrics.textfile", f"{path}: the metrics cannot be made: {error!r}")


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"metrics.listen = {listen!r}: expected HOST:PORT such as 127.0.0.1:9910")
    return host.removeprefix("[").removesuffix("]"), int(port)
