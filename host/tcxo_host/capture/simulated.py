"""A simulated board as a source of capture entries, as fast as the machine can: ``sim:SCENARIO[:SEED]``."""

from __future__ import annotations

from collections.abc import Iterator

from tcxo_protocol.capture_file import CLOCK, Entry, EntryKind
from tcxo_protocol.spec import struct_of

__all__ = ["UTC_START_NS", "is_simulated", "simulated_entries"]

UTC_START_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z: simulated time has to begin somewhere."""
HOST_START_NS = 1_000_000_000_000
_LATENCY_NS = 2_000_000

_CLOCK = struct_of(CLOCK)


def is_simulated(name: str) -> bool:
    """Whether an argument names a simulation rather than a file."""
    return name.startswith("sim:")


def simulated_entries(name: str, seconds: float) -> Iterator[Entry]:
    """The capture of a scenario's first ``seconds``: two flushes and a status a second.

    Raises UsageError for a malformed name, ConfigError for an unknown scenario.
    """
    from ..sim.frames import FrameSource
    from ..sim.named import named_world

    world = named_world(name)
    board = FrameSource(world.tick_hz, has_ref=world.scenario.ref.present)
    yield Entry(EntryKind.CLOCK, HOST_START_NS, _CLOCK.pack(HOST_START_NS, UTC_START_NS))
    yield Entry(EntryKind.LINK_OPENED, HOST_START_NS, b"")
    for _ in range(round(seconds)):
        second = world.step()
        end_ns = HOST_START_NS + (second.index + 1) * 1_000_000_000
        payloads = board.payloads(second)
        for index, payload in enumerate(payloads):
            early_ns = 500_000_000 if index < len(payloads) - 2 else 0
            yield Entry(EntryKind.FRAME, end_ns - early_ns + _LATENCY_NS, payload)
