"""``tcxo-host simulate --live``: the simulation, the daemon's screen and its metrics at once."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..status import read_or_problem
from ..status_view import Line
from ..watch import watch

if TYPE_CHECKING:
    from ...sim.simulation import Progress, Simulation

__all__ = ["Metrics", "run_live"]

PORT = 9910
"""As in the examples of ``[metrics] listen``, and the dashboard's."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Where the daemon serves them: ``settings`` for its configuration, ``told`` for the screen."""

    settings: str
    told: str

    @classmethod
    def choose(cls) -> Metrics:
        """The usual port, or a free one where it is taken; none without prometheus-client."""
        if find_spec("prometheus_client") is None:
            return cls("", "none: they need the extra 'metrics'")
        listen = f"127.0.0.1:{_free_port()}"
        return cls(f'[metrics]\nlisten = "{listen}"\n', f"http://{listen}/metrics")


def _free_port() -> int:
    for port in (PORT, 0):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
            found: int = tried.getsockname()[1]
            return found
    return PORT


def run_live(
    start: Callable[[Any], Simulation], folder: Path, seconds: int, about: str, metrics: Metrics
) -> dict[str, Any]:
    """Run what ``start`` makes (given a file for the daemon's log) until its end, a key or a signal; its summary.

    What the daemon logged comes on stderr at the end. Raises what the simulation raises, and UnavailableError without
    rich.
    """
    stop = threading.Event()
    latest: list[Progress] = []

    def show(progress: Progress) -> None:
        latest[:] = [progress]

    def rows() -> list[Line]:
        lines = [Line("simulated", f"{about}, second {latest[0].second if latest else 0}")]
        lines += [_truth(latest[0])] if latest else []
        return [*lines, Line("metrics", metrics.told)]

    log = folder / "daemon.log"
    try:
        with ThreadPoolExecutor(1) as worker, log.open("w") as log_file:
            run = worker.submit(_simulate, start, log_file, seconds, show, stop.is_set)
            try:
                status = folder / "status.json"
                watch(lambda: read_or_problem(status), ended=run.done, about=rows, ask_chrony=False)
            finally:
                stop.set()
            return run.result()
    finally:
        sys.stderr.write(log.read_text(errors="replace"))


def _simulate(
    start: Callable[[Any], Simulation],
    log: Any,
    seconds: int,
    show: Callable[[Progress], None],
    stopping: Callable[[], bool],
) -> dict[str, Any]:
    with start(log) as simulation:
        return simulation.run(seconds, show, stopping)


def _truth(progress: Progress) -> Line:
    published = progress.status.get("published_ppm")
    if published is None:
        return Line("truth", f"{progress.true_ppm:+.6f} ppm would be right", "warn")
    error_ppb = (published - progress.true_ppm) * 1e3
    return Line("truth", f"{progress.true_ppm:+.6f} ppm would be right: {error_ppb:+.2f} ppb off", "ok")
