"""What one second of the default rates costs on the I2C bus, measured on the simulated board.

``python -m tcxo_tools.i2c_cost`` prints it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol.i2c_pages import PageReader
from tcxo_protocol.records import Edges, Status, parse_payload

__all__ = ["BusSecond", "bus_seconds", "main", "summary"]

BUS_HZ = 100_000
_ADDRESS = 0x55
_CLOCKS_A_BYTE = 9  # eight bits and the acknowledge
_CLOCKS_A_TRANSFER = 3  # start, repeated start, stop


@dataclass(frozen=True, slots=True)
class BusSecond:
    """One poll. ``bus_bytes`` are all bytes on the wire: addresses, register numbers and data."""

    edges: int
    record_bytes: int
    transfers: int
    bus_bytes: int

    @property
    def duration_ms(self) -> float:
        """Time on a bus of 100 kHz without clock stretching."""
        clocks = self.bus_bytes * _CLOCKS_A_BYTE + self.transfers * _CLOCKS_A_TRANSFER
        return clocks * 1000 / BUS_HZ


def bus_seconds(seconds: int) -> Iterator[BusSecond]:
    """Polls of a board once a second with 50 + 1 + 1 edges in each."""
    ids, ticks = _default_rates(seconds)
    with SimBoard() as board:
        meter, probe = _Meter(board), _Meter(board)
        reader, scout = PageReader(), PageReader()
        reader.poll(meter)
        scout.poll(probe)
        for second in range(1, seconds + 1):
            until = second * board.tick_hz
            now = (ticks >= until - board.tick_hz) & (ticks < until)
            board.feed(ids[now], ticks[now])
            board.advance(until)
            # The poll that counts comes when the board has written the second's last record.
            while not any(tick >= until for tick in _status_ticks(scout.poll(probe).payloads)):
                board.check_alive()
            meter.reset()
            payloads = reader.poll(meter).payloads
            records = [record for payload in payloads for record in parse_payload(payload)]
            yield BusSecond(
                edges=sum(len(record.ticks) for record in records if isinstance(record, Edges)),
                record_bytes=sum(map(len, payloads)),
                transfers=meter.transfers,
                bus_bytes=meter.bus_bytes,
            )


class _Meter:
    """Reads the board's registers and counts what crosses the wire."""

    def __init__(self, board: SimBoard) -> None:
        self._board = board
        self.reset()

    def reset(self) -> None:
        self.transfers = self.bus_bytes = 0

    def __call__(self, offset: int, count: int) -> bytes:
        register = offset.to_bytes(2, "big")
        self.transfers += 1
        self.bus_bytes += 1 + len(register) + 1 + count
        return self._board.i2c.transfer(_ADDRESS, register, count)


def _default_rates(seconds: int) -> tuple[np.ndarray, np.ndarray]:
    second = np.arange(seconds) * 84_000_000
    parts = [second + 1000, second + 5000, (np.arange(50 * seconds) * 1_680_000 + 2000)]
    ids = np.repeat([1, 2, 3], [len(part) for part in parts])
    ticks = np.concatenate(parts)
    order = np.argsort(ticks, kind="stable")
    return ids[order], ticks[order]


def _status_ticks(payloads: list[bytes]) -> list[int]:
    records = [record for payload in payloads for record in parse_payload(payload)]
    return [record.tick for record in records if isinstance(record, Status)]


def summary(seconds: int = 10) -> str:
    """The most expensive of some seconds, as a sentence on two lines."""
    worst = max(bus_seconds(seconds), key=lambda each: each.duration_ms)
    return (
        f"{worst.edges} edges and a status record are {worst.record_bytes} bytes of records;\nwith page heads,"
        f" addresses and register numbers {worst.bus_bytes} bytes in {worst.transfers} transfers,"
        f" {worst.duration_ms:.1f} ms at 100 kHz"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the cost."""
    argparse.ArgumentParser(
        prog="python -m tcxo_tools.i2c_cost",
        description="Print what a second of the default rates costs on the I2C bus, from the simulated board.",
    ).parse_args(argv)
    print(summary())
    return 0


if __name__ == "__main__":
    sys.exit(main())
