"""Everything that leaves the daemon: the tempcomp file, the reference clock, status, trace, recording."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import IO

from tcxo_protocol.framing import LineCounts

from .config import Config, RecordConfig
from .dump.recorder import Recorder
from .dump.writer import CaptureWriter
from .errors import OutputError
from .link import Received
from .pipeline import Pipeline, Row
from .policy import PublishPolicy
from .publish import TempcompFile, replace_file
from .refclock import Refclock
from .report import row_values, status_values

__all__ = ["Outputs"]

log = logging.getLogger("tcxo_host")

REFCLOCK_LIMIT_PPM = 500.0
"""The kernel's own limit (adjtimex(2)) for a clock's frequency."""


class Outputs:
    """The open outputs. A failing one is said once, and neither stops the others nor the measuring.

    Raises OutputError when the tempcomp file cannot be owned or the trace cannot be opened.
    """

    def __init__(self, config: Config) -> None:
        output = config.output
        self._tempcomp = None if output.measure_only else TempcompFile(output.path)
        self._refclock = Refclock(output.sock_path) if output.sock and not output.measure_only else None
        # the same guard against single wild values, but chrony's limit is tempcomp's alone
        self._refclock_policy = PublishPolicy(output.max_step_ppm, limit_ppm=REFCLOCK_LIMIT_PPM)
        self._status_path = Path(output.status) if output.status else None
        self._trace = _open_trace(output.trace)
        self._recorder = _make_recorder(config.record)
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
            self._trace.write(json.dumps(row_values(row)) + "\n")
        if self._status_path:
            self._write_status(self._status_path, status_values(row, pipeline, line))

    def close(self) -> None:
        """Close everything; the tempcomp file keeps its last value. Never raises."""
        for output in (self._tempcomp, self._refclock, self._trace, self._recorder):
            if output:
                output.close()

    def _publish(self, row: Row) -> None:
        if row.published_ppm is None or self._tempcomp is None:
            return
        try:
            self._tempcomp.write(row.published_ppm)
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

    def _write_status(self, path: Path, values: dict[str, object]) -> None:
        values["output"] = str(self.tempcomp_path) if self.tempcomp_path else None
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


def _open_trace(path: str) -> IO[str] | None:
    if not path:
        return None
    try:
        return open(path, "a", encoding="utf8", buffering=1)
    except OSError as error:
        raise OutputError(f"{path}: cannot append the trace: {error.strerror}") from None


def _make_recorder(config: RecordConfig) -> Recorder | None:
    if not config.dir:
        return None
    suffix = "" if config.compress == "none" else f".{config.compress}"
    return Recorder(CaptureWriter(f"{config.dir}/", config.rotate_s, compress=suffix, keep=config.keep))
