"""Reading a simulated board in a test: everything the line says, until it has said enough."""

from __future__ import annotations

import os
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_firmware import BOARDS_DIR
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import Edges, Identify, Record, Status, Text, parse_payload

GPS, RTC, PWM = 1, 2, 3


class BoardReader:
    """An open reader of a simulated board's port. Records pile up in ``records``."""

    def __init__(self, board: SimBoard) -> None:
        self._board = board
        self.decoder = FrameDecoder()
        self.records: list[Record] = []
        self.byte_count = 0
        self._fd = os.open(board.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> BoardReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send(self, line: str) -> None:
        os.write(self._fd, line.encode() + b"\n")

    def poll(self) -> bool:
        """Take what is there; False when nothing was."""
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return False
        self.byte_count += len(data)
        for frame in self.decoder.feed(data):
            self.records.extend(parse_payload(frame.payload))
        return bool(data)

    def wait(self, wanted: Callable[[BoardReader], bool], patience_s: float = 60) -> None:
        deadline = time.monotonic() + patience_s
        while not wanted(self):
            if not self.poll():
                self._board.check_alive()
                assert time.monotonic() < deadline, f"waited in vain; last records: {self.records[-3:]}"
                time.sleep(0.001)

    def of(self, kind: type) -> list:
        return [record for record in self.records if isinstance(record, kind)]

    def ticks(self, channel: int) -> list[int]:
        return [tick for edges in self.of(Edges) if edges.channel == channel for tick in edges.ticks]

    def last_status(self) -> Status | None:
        statuses = self.of(Status)
        return statuses[-1] if statuses else None

    def wait_identify(self, count: int = 1) -> Identify:
        self.wait(lambda reader: len(reader.of(Identify)) >= count)
        return self.of(Identify)[-1]

    def wait_status_at(self, tick: int) -> Status:
        """Until a status record of ``tick`` or later has come."""

        def has_come(reader: BoardReader) -> bool:
            status = reader.last_status()
            return status is not None and status.tick >= tick

        self.wait(has_come)
        status = self.last_status()
        assert status is not None
        return status

    def texts(self) -> str:
        return "\n".join(text.text for text in self.of(Text))


def board_data(folder: Path) -> dict[str, Any]:
    """What a board's ``board_config.py`` says."""
    board: dict[str, Any] = runpy.run_path(str(folder / "board_config.py"))["BOARD"]
    return board


def board_folder(directory: Path, **changes: Any) -> Path:
    """A board's folder in ``directory``: the simulated board's, with other data."""
    folder = directory / changes.get("name", "MINE")
    folder.mkdir()
    board = {**board_data(BOARDS_DIR / "SIM"), "name": folder.name, **changes}
    (folder / "board_config.py").write_text(f"BOARD = {board!r}\n")
    return folder


def advance_seconds(board: SimBoard, seconds: float) -> None:
    """Let time pass without an edge."""
    board.advance(board.tick + round(seconds * board.tick_hz))


def seconds_of_edges(
    start: int, seconds: int, tick_hz: int = 84_000_000
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """``(channels, ticks)`` of one PPS on GPS and RTC and 50 Hz on PWM, all a little off nominal."""
    second = np.arange(seconds)
    parts = {
        GPS: start + 1000 + second * (tick_hz + 17),
        RTC: start + 5000 + second * (tick_hz - 171),
        PWM: start + 2000 + np.arange(50 * seconds) * (tick_hz // 50 + 3),
    }
    channels = np.concatenate([np.full(len(ticks), channel) for channel, ticks in parts.items()])
    ticks = np.concatenate(list(parts.values()))
    order = np.argsort(ticks, kind="stable")
    return channels[order].astype(np.uint8), ticks[order].astype(np.int64)
