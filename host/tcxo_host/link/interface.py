"""What every link offers: one interface, through which a board's records enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tcxo_protocol.framing import LineCounts

__all__ = ["Link", "Received"]


@dataclass(frozen=True, slots=True)
class Received:
    """The records of one intact frame. ``host_ns``: CLOCK_MONOTONIC_RAW when it arrived."""

    host_ns: int
    payload: bytes


class Link(Protocol):
    """An open connection to a board."""

    url: str

    @property
    def counts(self) -> LineCounts:
        """What was received, lost and damaged since the link was opened."""

    def read(self, timeout_s: float) -> list[Received]:
        """Wait at most ``timeout_s`` for records; an empty list when none came. Raises LinkError when gone."""

    def send(self, command: str) -> None:
        """Send one command line (``id``, ``status``, ``stream on``...). Raises LinkError when gone."""

    def close(self) -> None:
        """Release the device. Never raises."""
