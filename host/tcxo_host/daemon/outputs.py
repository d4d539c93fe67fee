"""Everything that leaves the daemon: tempcomp file, reference clock, status, metrics, trace, recording."""

from __future__ import annotations

import json
import logging
import os
import time
from io import FileIO
from pathlib import Path
from typing import Any

from tcxo_protocol.framing import LineCounts

from ..capture.recorder import Recorder
from ..capture.writer import CaptureWriter
from ..config.settings import Config, MetricsConfig, RecordConfig
from ..edges.rates import EdgeRates
from ..errors import OutputError
from ..estimate.interface import State
from ..files import open_file, replace_file
from ..link.interface import Received
from ..publish.metrics import Metrics
from ..publish.policy import PublishPolicy
from ..publish.refclock import Refclock
from ..publish.tempcomp import TempcompFile
from .pipeline import Pipeline, Row
from .values import row_values, status_values

__all__ = ["Outputs"]

log = logging.getLogger("tcxo_host")

REFCLOCK_LIMIT_PPM = 500.0
"""The kernel's own limit (adjtimex(2)) for a clock's frequency."""


class Outputs:
    """The open outputs. A failing one is said once, and neither stops the others nor the measuring.

    Raises OutputError when the tempcomp file cannot be owned or the trace cannot be opened.
    """

    def __init__(self, config: Config, pwm_bias_ppm: float = 0.0) -> None:
        output = config.output
        self._tempcomp = None if output.measure_only else TempcompFile(output.path)
        # A constant bias of the PWM is one more frequency that chrony takes out, but a refclock must be right.
        wanted = output.sock and not output.measure_only
        self._refclock = Refclock(output.sock_path, pwm_bias_ppm) if wanted else None
        # the same guard against single wild values, but chrony's limit is tempcomp's alone
        self._refclock_policy = PublishPolicy(output.max_step_ppm, limit_ppm=REFCLOCK_LIMIT_PPM)
        self._status_path = Path(output.status) if output.status else None
        self._trace = _open_trace(output.trace)
        self._recorder = _make_recorder(config.record)
        self._metrics = _make_metrics(config.metrics)
        self._rates = EdgeRates()
        self._last_row: tuple[Row, float] | None = None
        self._last_published: tuple[float, float] | None = None
        self._told = 0.0
        self._said: dict[str, str] = {}

    @property
    def tempcomp_path(self) -> Path | None:
        """The file chrony reads, links resolved; None when only measuring."""
        return self._tempcomp.path if self._tempcomp else None

    def link_opened(self, host_ns: int) -> None:
        """The link was (re)opened."""
        if self._recorder:
            self._recorder.link_opened(host_ns)

    def take_frame(self, received: Received, line: LineCounts) -> None:
        """A frame, before anything is made of it."""
        if self._recorder:
            self._recorder.write(received.host_ns, received.payload, line)

    def take_row(self, row: Row, pipeline: Pipeline, line: LineCounts) -> None:
        """A second's outcome: publish it, and tell everybody."""
        self._publish(row)
        self._hand_over(row)
        if self._trace:
            self._write_trace(self._trace, row)
        self._last_row = row, time.time()
        self._tell(pipeline, line)

    def no_row(self, reason: str, pipeline: Pipeline, line: LineCounts) -> None:
        """No second closes, because of ``reason``: once a second, tell those who look at status or metrics."""
        if time.monotonic() - self._told >= 1.0:
            self._tell(pipeline, line, {"state": str(State.HOLD), "reason": reason, "published_ppm": None})

    def close(self) -> None:
        """Close everything; the tempcomp file keeps its last value. Never raises."""
        for output in (self._tempcomp, self._refclock, self._trace, self._recorder, self._metrics):
            if output:
                output.close()

    def _publish(self, row: Row) -> None:
        if row.published_ppm is None or self._tempcomp is None:
            return
        try:
            self._tempcomp.write(row.published_ppm)
            self._last_published = (row.published_ppm, time.time())
            self._say_once("tempcomp", "")
        except OutputError as error:
            self._say_once("tempcomp", str(error), logging.ERROR)

    def _hand_over(self, row: Row) -> None:
        """The second way into chrony."""
        if self._refclock is None:
            return
        value_ppm = self._refclock_policy.decide(row.estimate).published_ppm
        self._refclock.second(None if value_ppm is None else -value_ppm)
        self._say_once("refclock", self._refclock.problem)

    def _tell(self, pipeline: Pipeline, line: LineCounts, changed: dict[str, Any] | None = None) -> None:
        """Status and metrics, whose values are those of ``report`` and of ``_about_output``."""
        self._told = time.monotonic()
        if not self._status_path and not self._metrics:
            return
        row = self._last_row[0] if self._last_row else None
        identify = pipeline.collector.identify
        rates = self._rates.take(pipeline.collector.ledgers, identify.tick_hz) if identify else {}
        values = {**status_values(row, pipeline, line, rates), **self._about_output(), **(changed or {})}
        if self._status_path:
            self._write_status(self._status_path, values)
        if self._metrics:
            self._metrics.update(values)

    def _about_output(self) -> dict[str, Any]:
        """What the file for chrony holds and since when; times are UTC, seconds since 1970.

        ``written_ns`` (CLOCK_MONOTONIC_RAW, as ``host_ns``) lets a reader tell a live daemon from a dead one.
        """
        value_ppm, published_utc_s = self._last_published or (None, None)
        return {
            "output": str(self.tempcomp_path) if self.tempcomp_path else None,
            "last_published_ppm": value_ppm,
            "last_published_utc_s": published_utc_s,
            "last_second_utc_s": self._last_row[1] if self._last_row else None,
            "utc_s": time.time(),
            "written_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW),
        }

    def _write_trace(self, trace: FileIO, row: Row) -> None:
        try:
            trace.write((json.dumps(row_values(row)) + "\n").encode())
            self._say_once("trace", "")
        except OSError as error:
            self._say_once("trace", f"{trace.name}: cannot append the trace: {error.strerror}")

    def _write_status(self, path: Path, values: dict[str, Any]) -> None:
        try:
            replace_file(path, (json.dumps(values) + "\n").encode())
            self._say_once("status", "")
        except OSError as error:
            self._say_once("status", f"{path}: cannot write the status: {error.strerror}")

    def _say_once(self, output: str, problem: str, level: int = logging.WARNING) -> None:
        """Log a problem when it appears or changes, and its end; empty: no problem."""
        before = self._said.get(output, "")
        if problem and problem != before:
            log.log(level, "%s", problem)
        elif before and not problem:
            log.info("%s: works again", output)
        self._said[output] = problem


def _open_trace(path: str) -> FileIO | None:
    if not path:
        return None
    try:
        # unbuffered: what failed must not come again, nor at closing
        descriptor = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, devices=True)
        return FileIO(path, "a", opener=lambda *_: descriptor)
    except OSError as error:
        raise OutputError(f"{path}: cannot append the trace: {error.strerror}") from None


def _make_recorder(config: RecordConfig) -> Recorder | None:
    if not config.dir:
        return None
    suffix = "" if config.compress == "none" else f".{config.compress}"
    return Recorder(CaptureWriter(f"{config.dir}/", config.rotate_s, compress=suffix, keep=config.keep))


def _make_metrics(config: MetricsConfig) -> Metrics | None:
    return Metrics(config.listen, config.textfile) if config.listen or config.textfile else None
