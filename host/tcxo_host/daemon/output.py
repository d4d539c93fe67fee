"""What leaves the daemon, an output a class; each handles only its own file, socket or server."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from tcxo_protocol.framing import LineCounts

from ..capture.recorder import Recorder
from ..capture.writer import CaptureWriter
from ..config.settings import MqttConfig, RecordConfig
from ..errors import OutputError
from ..files import open_file, replace_file
from ..link.interface import Received
from ..publish.export.metrics import Metrics
from ..publish.export.mqtt import Broker, Mqtt
from ..publish.refclock import Refclock
from ..publish.tempcomp_file import TempcompFile
from .pipeline import Row
from .values import row_values

__all__ = [
    "MetricsOutput",
    "MqttOutput",
    "Output",
    "RecordingOutput",
    "RefclockOutput",
    "StatusOutput",
    "TempcompOutput",
    "TraceOutput",
]


class Output:
    """The events that an output may handle; by default none. Each call may raise OutputError, logged once."""

    name: str
    level = logging.WARNING
    """How bad a problem of this output is."""

    def link_opened(self, host_ns: int) -> None:
        """The link was (re)opened."""

    def frame(self, received: Received, line: LineCounts) -> None:
        """A frame, before it is parsed."""

    def second(self, row: Row) -> None:
        """The result of a second."""

    def status(self, values: Mapping[str, Any]) -> None:
        """The whole status, about once a second (``status_values`` and ``Outputs.about_output``)."""

    def about(self, hold: str) -> Mapping[str, Any]:
        """What it adds to the status; ``hold``: why no second closes, or an empty text. Never raises."""
        return {}

    def close(self) -> None:
        """Release what is open."""


class TempcompOutput(Output):
    """The file that chrony reads; closing leaves its last value. Raises OutputError when it cannot be owned."""

    name = "tempcomp"
    level = logging.ERROR

    def __init__(self, path: str) -> None:
        self._file = TempcompFile(path)
        self.last: tuple[float, float] | None = None
        """Value last written and when, UTC seconds."""
        self._problem = ""

    @property
    def path(self) -> Path:
        """The file, links resolved."""
        return self._file.path

    def second(self, row: Row) -> None:
        if row.published_ppm is not None:
            try:
                self._file.write(row.published_ppm)
            except OutputError as error:
                self._problem = str(error)
            else:
                self._problem = ""
                self.last = row.published_ppm, time.time()
        if self._problem:
            raise OutputError(self._problem)

    def close(self) -> None:
        self._file.close()


class RefclockOutput(Output):
    """The second way into chrony; it has no limit of its own, so it takes the believed error."""

    name = "refclock"

    def __init__(self, path: str, pwm_bias_ppm: float) -> None:
        # A constant bias of the PWM is one more frequency that tempcomp's chrony takes out, but this must be right.
        self._refclock = Refclock(path, pwm_bias_ppm)

    def second(self, row: Row) -> None:
        self._refclock.second(row.believed_ppm)
        if self._refclock.problem:
            raise OutputError(self._refclock.problem)

    def close(self) -> None:
        self._refclock.close()


class TraceOutput(Output):
    """A JSON line a second. Raises OutputError when the file cannot be opened."""

    name = "trace"

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            # unbuffered: what could not be written must not be written again later, or at closing
            descriptor = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, devices=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot append the trace: {error.strerror}") from None
        self._file = FileIO(path, "a", opener=lambda *_: descriptor)

    def second(self, row: Row) -> None:
        try:
            self._file.write((json.dumps(row_values(row)) + "\n").encode())
        except OSError as error:
            raise OutputError(f"{self._path}: cannot append the trace: {error.strerror}") from None

    def close(self) -> None:
        self._file.close()


class StatusOutput(Output):
    """The status file: for ``tcxo-host status``, ``doctor`` and graphs."""

    name = "status"

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def status(self, values: Mapping[str, Any]) -> None:
        try:
            replace_file(self._path, (json.dumps(values) + "\n").encode())
        except OSError as error:
            raise OutputError(f"{self._path}: cannot write the status: {error.strerror}") from None


class MetricsOutput(Output):
    """Figures for Prometheus. Raises what ``Metrics`` raises."""

    name = "metrics"

    def __init__(self, listen: str, textfile: str) -> None:
        self._metrics = Metrics(listen, textfile)

    def status(self, values: Mapping[str, Any]) -> None:
        self._metrics.update(values)

    def close(self) -> None:
        self._metrics.close()


class MqttOutput(Output):
    """Values for a broker. Raises what ``Mqtt`` raises."""

    name = "mqtt"

    def __init__(self, config: MqttConfig) -> None:
        broker = Broker(
            config.host, config.port, config.tls, config.ca_file, config.username, config.password_file
        )
        self._mqtt = Mqtt(
            broker,
            name=config.name,
            topic=config.topic,
            discovery=config.discovery,
            period_s=config.period_s,
        )

    def status(self, values: Mapping[str, Any]) -> None:
        self._mqtt.update(values, time.monotonic())
        if self._mqtt.problem:
            raise OutputError(self._mqtt.problem)

    def close(self) -> None:
        self._mqtt.close()


class RecordingOutput(Output):
    """Captures beside publishing: a full disk stops the recording, never the publishing."""

    name = "recording"
    level = logging.ERROR

    def __init__(self, config: RecordConfig) -> None:
        suffix = "" if config.compress == "none" else f".{config.compress}"
        writer = CaptureWriter(
            f"{config.dir}/", config.rotate_s, compress=suffix, keep=config.keep, host=os.uname().nodename
        )
        self._recorder = Recorder(writer)

    def link_opened(self, host_ns: int) -> None:
        self._recorder.link_opened(host_ns)
        self._raise_problem()

    def frame(self, received: Received, line: LineCounts) -> None:
        self._recorder.write(received.host_ns, received.payload, line)
        self._raise_problem()

    def _raise_problem(self) -> None:
        if self._recorder.problem:
            raise OutputError(f"{self._recorder.problem}; recording pauses, publishing goes on")

    def close(self) -> None:
        self._recorder.close()
