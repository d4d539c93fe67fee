"""The board's memory as an I2C controller sees it: a head, an identify page, a ring of slots. Pure.

The board is ``machine.I2CTarget`` in memory mode: write a 16-bit register address, most significant byte
first, then read. Nothing there is locked, so any read may be torn; the reader here detects that and reads
again. A slot's contents never change while its serial number stays: slots are reused round robin.

Layout: ``HEAD``, then ``SLOT_COUNT + 1`` slots of ``SLOT_BYTES``. Slot 0 always holds the identify
record; number ``n`` (1, 2, ...) of the stream is in slot ``1 + (n - 1) % SLOT_COUNT``. The payload of a slot
is a run of records, as in a serial frame.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass, field

from construct import Array, Int8ul, Int16ul, Int32ul, Struct

from .spec import struct_of

__all__ = [
    "HEAD",
    "LAYOUT_VERSION",
    "MAGIC",
    "MEMORY_BYTES",
    "SLOT_BYTES",
    "SLOT_COUNT",
    "SLOT_PAYLOAD",
    "LayoutMismatch",
    "PageReader",
    "PagesError",
    "PollResult",
    "slot_offset",
]

MAGIC = 0x5458  # "XT"
LAYOUT_VERSION = 1
SLOT_COUNT = 16
SLOT_BYTES = 256

_HEAD_FIXED = Struct(
    "magic" / Int16ul,
    "layout_version" / Int8ul,
    "slot_count" / Int8ul,
    "boot_id" / Int32ul,
    "newest" / Int32ul,  # serial number of the newest slot, 0 before the first
)
HEAD = Struct(
    *_HEAD_FIXED.subcons,
    "lengths" / Array(SLOT_COUNT + 1, Int16ul),  # payload bytes of each slot
    "crc32" / Int32ul,
)
SLOT_HEAD = Struct("serial" / Int32ul, "length" / Int16ul)
SLOT_TAIL = Struct("crc32" / Int32ul, "serial" / Int32ul)  # the CRC covers slot head and payload

_FIXED, _SLOT_HEAD, _SLOT_TAIL = struct_of(_HEAD_FIXED), struct_of(SLOT_HEAD), struct_of(SLOT_TAIL)
HEAD_BYTES: int = HEAD.sizeof()
SLOT_PAYLOAD = SLOT_BYTES - _SLOT_HEAD.size - _SLOT_TAIL.size
"""Largest payload of a slot, bytes."""
MEMORY_BYTES = HEAD_BYTES + (SLOT_COUNT + 1) * SLOT_BYTES

_READ_ATTEMPTS = 4
_OVERTAKEN_BY = range(SLOT_COUNT, 9 * SLOT_COUNT, SLOT_COUNT)
"""By how much a slot's serial number may have grown since the head was read."""


class PagesError(ValueError):
    """The board's memory stayed unreadable: wrong CRC at every attempt, or not this firmware."""


class LayoutMismatch(PagesError):
    """The device answers, but with another layout than this host knows."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """``payloads``: runs of records in order; ``lost``: slots overwritten before they were read."""

    payloads: list[bytes] = field(default_factory=list)
    lost: int = 0
    restarted: bool = False
    """The first payload is the identify page: the board is new to this reader, or started anew."""


@dataclass(frozen=True, slots=True)
class _Head:
    boot_id: int
    newest: int
    lengths: tuple[int, ...]


def slot_offset(slot: int) -> int:
    """Register address of slot 0 (identify) to SLOT_COUNT."""
    return HEAD_BYTES + slot * SLOT_BYTES


class PageReader:
    """Follows the board's slots. ``read_registers(offset, count)`` returns that many bytes of its memory.

    Errors of ``read_registers`` pass through and cost nothing: the next poll goes on where this one was.
    """

    def __init__(self) -> None:
        self.torn_reads = 0
        """Reads whose serial numbers or CRC did not fit, and were repeated."""
        self._boot_id: int | None = None
        self._next = 1
        self._pending: list[bytes] = []
        self._pending_lost = 0

    def poll(self, read_registers: Callable[[int, int], bytes]) -> PollResult:
        """Everything new since the last poll. The first one gives the identify page alone.

        Raises PagesError when nothing readable is there, LayoutMismatch for another layout.
        """
        head = self._read_head(read_registers)
        if head.boot_id != self._boot_id:
            identify = self._read_slot(read_registers, 0, 0, head.lengths[0])
            if identify is None:
                raise PagesError("the board's identify page is unreadable: check wiring and bus speed")
            restart = self._boot_id is not None
            self._boot_id = head.boot_id
            self._pending, self._pending_lost = [], 0  # from before the board's restart
            # Records from before the first poll are of no use; those since a restart are.
            self._next = max(1, head.newest - SLOT_COUNT + 2) if restart else head.newest + 1
            return PollResult([identify], restarted=True)
        return self._read_new(read_registers, head)

    def _read_new(self, read_registers: Callable[[int, int], bytes], head: _Head) -> PollResult:
        # A count below the last one: that one was wrong, or the board started anew with the same boot_id.
        if head.newest + 1 < self._next:
            self._next = max(1, head.newest - SLOT_COUNT + 2)
        # Kept over an error in the middle: what was read already must come out of the next poll.
        payloads = self._pending
        # The oldest slot may be under rewriting by now: leave it out.
        oldest = max(1, head.newest - SLOT_COUNT + 2)
        skipped = max(0, oldest - self._next)
        self._pending_lost += skipped
        self._next += skipped
        while self._next <= head.newest:
            slot = 1 + (self._next - 1) % SLOT_COUNT
            payload = self._read_slot(read_registers, slot, self._next, head.lengths[slot])
            if payload is None:
                self._pending_lost += 1
            else:
                payloads.append(payload)
            self._next += 1
        result = PollResult(payloads, self._pending_lost)
        self._pending, self._pending_lost = [], 0
        return result

    def _read_head(self, read_registers: Callable[[int, int], bytes]) -> _Head:
        for _ in range(_READ_ATTEMPTS):
            data = read_registers(0, HEAD_BYTES)
            magic, version, slot_count, boot_id, newest = _FIXED.unpack_from(data)
            if len(data) == HEAD_BYTES and crc32(data[:-4]) == int.from_bytes(data[-4:], "little"):
                if (version, slot_count) != (LAYOUT_VERSION, SLOT_COUNT) or magic != MAGIC:
                    raise LayoutMismatch(
                        f"the board's I2C memory has layout {version} with {slot_count} slots, this host knows"
                        f" layout {LAYOUT_VERSION} with {SLOT_COUNT}: install matching versions"
                    )
                lengths = tuple(HEAD.parse(data).lengths)
                if all(length <= SLOT_PAYLOAD for length in lengths):
                    return _Head(boot_id, newest, lengths)
            self.torn_reads += 1
        raise PagesError("the device at this I2C address does not answer like the capture firmware")

    def _read_slot(
        self, read_registers: Callable[[int, int], bytes], slot: int, serial: int, length: int
    ) -> bytes | None:
        """The slot's payload, or None when it holds another serial number by now."""
        end = _SLOT_HEAD.size + length
        for _ in range(_READ_ATTEMPTS):
            data = read_registers(slot_offset(slot), end + _SLOT_TAIL.size)
            first, told_length = _SLOT_HEAD.unpack_from(data)
            crc, last = _SLOT_TAIL.unpack_from(data, end)
            intact = first == last and told_length == length and crc == crc32(data[:end])
            if intact and first == serial:
                return bytes(data[_SLOT_HEAD.size : end])
            # It is being rewritten: give it up. Any other number is noise.
            if intact or first - serial in _OVERTAKEN_BY:
                return None
            self.torn_reads += 1
        return None
