"""All outputs of the daemon, as the configuration asks for them; a failing one stops neither others nor measuring."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tcxo_protocol.framing import LineCounts

from ..config.settings import Config
from ..config.trial import HELD
from ..edges.rates import EdgeRates
from ..errors import OutputError, ProblemLog
from ..estimate.interface import State
from ..link.interface import Received
from .output import (
    MetricsOutput,
    MqttOutput,
    Output,
    RecordingOutput,
    RefclockOutput,
    StatusOutput,
    TempcompOutput,
    TraceOutput,
)
from .pipeline import Pipeline, Row
from .values import status_values

__all__ = ["Outputs"]


class Outputs:
    """The open outputs. A problem of one is logged once. ``phase``: the one for GPS time, ``ptp``: that for a PTP
    server's quality, where there is one.

    Raises OutputError when the tempcomp file cannot be owned or the trace cannot be opened, and what ``Metrics``
    and ``Mqtt`` raise.
    """

    def __init__(
        self,
        config: Config,
        pwm_bias_ppm: float = 0.0,
        phase: Output | None = None,
        ptp: Output | None = None,
    ) -> None:
        self._tempcomp = None if config.output.measure_only else TempcompOutput(config.output.path)
        chosen = [self._tempcomp, *_ways_into_chrony(config, pwm_bias_ppm), phase, ptp, *_others(config)]
        self._outputs: list[Output] = [each for each in chosen if each is not None]
        self._problems = ProblemLog()
        self._rates = EdgeRates()
        self._last_row: tuple[Row, float] | None = None
        self._status_s = 0.0

    @property
    def tempcomp_path(self) -> Path | None:
        """The file chrony reads, links resolved; None when only measuring."""
        return self._tempcomp.path if self._tempcomp else None

    @property
    def last_published_ppm(self) -> float | None:
        """The value that this daemon wrote last; None before the first one."""
        last = self._tempcomp.last if self._tempcomp else None
        return last[0] if last else None

    def link_opened(self, host_ns: int) -> None:
        """The link was (re)opened."""
        self._each("link_opened", host_ns)

    def take_frame(self, received: Received, line: LineCounts) -> None:
        """A frame, before it is parsed."""
        self._each("frame", received, line)

    def take_row(self, row: Row, pipeline: Pipeline, line: LineCounts) -> None:
        """The result of a second: publish it and pass it to every output."""
        self._each("second", row)
        self._last_row = row, time.time()
        self._status(pipeline, line)

    def no_row(self, reason: str, pipeline: Pipeline, line: LineCounts) -> None:
        """No second closes, because of ``reason``: status and metrics report it once a second."""
        if time.monotonic() - self._status_s >= 1.0:
            self._status(pipeline, line, reason)

    def close(self) -> None:
        """Close everything; the tempcomp file keeps its last value. Never raises."""
        self._each("close")

    def _each(self, event: str, *given: Any) -> None:
        for output in self._outputs:
            if getattr(type(output), event) is getattr(Output, event):
                continue  # it does not hear this, so it neither fails nor works again
            try:
                getattr(output, event)(*given)
            except OutputError as error:
                self._problems.note(output.name, str(error), output.level)
            else:
                if event != "close":
                    self._problems.note(output.name, "")

    def _status(self, pipeline: Pipeline, line: LineCounts, hold: str = "") -> None:
        """Let everybody know what there is to know; ``hold``: why no second closes."""
        self._status_s = time.monotonic()
        row = self._last_row[0] if self._last_row else None
        identify = pipeline.collector.identify
        rates = self._rates.take(pipeline.collector.ledgers, identify.tick_hz) if identify else {}
        values = {**status_values(row, pipeline, line, rates), **self._about_output(hold)}
        if hold:
            values |= {"state": str(State.HOLD), "reason": hold, "published_ppm": None}
        values["trial_held"] = HELD in values["reason"]
        self._each("status", values)

    def _about_output(self, hold: str) -> dict[str, Any]:
        """What the file for chrony holds and since when, and phase; times are UTC, seconds since 1970.

        ``written_ns`` (CLOCK_MONOTONIC_RAW, as ``host_ns``) lets a reader tell a live daemon from a dead one.
        """
        last = self._tempcomp.last if self._tempcomp else None
        value_ppm, published_utc_s = last or (None, None)
        values: dict[str, Any] = {
            "phase": None,
            "output": str(self.tempcomp_path) if self.tempcomp_path else None,
            "last_published_ppm": value_ppm,
            "last_published_utc_s": published_utc_s,
            "last_second_utc_s": self._last_row[1] if self._last_row else None,
            "utc_s": time.time(),
            "written_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW),
        }
        for each in self._outputs:
            values |= each.about(hold)
        return values


def _ways_into_chrony(config: Config, pwm_bias_ppm: float) -> list[Output]:
    """Those beside the tempcomp file; they come before what waits."""
    output = config.output
    return [RefclockOutput(output.sock_path, pwm_bias_ppm)] if output.sock and not output.measure_only else []


def _others(config: Config) -> list[Output]:
    """What was asked for beside what goes to chrony."""
    output, metrics = config.output, config.metrics
    others: list[Output] = []
    if output.trace:
        others.append(TraceOutput(output.trace))
    if config.record.dir:
        others.append(RecordingOutput(config.record))
    if output.status:
        others.append(StatusOutput(output.status))
    if metrics.listen or metrics.textfile:
        others.append(MetricsOutput(metrics.listen, metrics.textfile))
    if config.mqtt.host:
        others.append(MqttOutput(config.mqtt))
    return others
