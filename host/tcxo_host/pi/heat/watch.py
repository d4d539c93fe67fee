"""Where the oven's rows go: the record, the status file, node_exporter's file, and the service manager."""

from __future__ import annotations

import json
from pathlib import Path

from ...daemon.systemd import Notifier
from ...errors import OutputError, ProblemLog
from ...files import replace_file
from .averages import Row
from .oven.oven import Command
from .record import Record
from .report import Tally, metrics_text, status_values

__all__ = ["Watch"]


class Watch:
    """Takes each row. A full disk stops no control: it is logged once."""

    def __init__(self, mode: str, record: Record, status: Path, textfile: str = "") -> None:
        self._mode, self._record, self._status = mode, record, status
        self._textfile = Path(textfile) if textfile else None
        self._row: Row | None = None
        self._tally = Tally()
        self._problems = ProblemLog()
        self._notifier = Notifier()
        self._notifier.ready()

    def take(self, row: Row, command: Command) -> None:
        """The next row, with the command that holds now."""
        self._row = row
        self._tally.add(row)
        try:
            self._record.add(row)
        except OutputError as error:
            self._problems.note("record", str(error))
        else:
            self._problems.note("record", "")
        self._tell(row, command)

    def stopped(self, command: Command) -> None:
        """The last word."""
        if self._row is not None:
            self._tell(self._row, command)
        self._notifier.stopping()

    def _tell(self, row: Row, command: Command) -> None:
        values = status_values(self._mode, row, self._tally, command, row.utc_s)
        self._write(self._status, json.dumps(values) + "\n")
        if self._textfile is not None:
            self._write(self._textfile, metrics_text(values))
        self._notifier.watchdog()
        self._notifier.status(command.stop or f"{self._mode} at {values['temperature_c']:.1f} °C")

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode())
        except OSError as error:
            self._problems.note(str(path), f"{path}: cannot be written: {error.strerror}")
        else:
            self._problems.note(str(path), "")
