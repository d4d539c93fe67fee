"""The I2C way out: records in a memory that the controller reads at any time, without locks.

The host's ``tcxo_protocol.i2c_pages`` declares and explains the layout. Every slot carries its serial
number at both ends and a CRC, so that whoever reads it half rewritten sees that.
"""

import struct
from binascii import crc32

MAGIC = 0x5458
LAYOUT_VERSION = 1
SLOT_COUNT = 16
SLOT_BYTES = 256
SLOT_PAYLOAD = SLOT_BYTES - 14
HEAD_BYTES = 12 + 2 * (SLOT_COUNT + 1) + 4
MEMORY_BYTES = HEAD_BYTES + (SLOT_COUNT + 1) * SLOT_BYTES


class Pages:
    """Writes runs of records into ``memory``, a buffer of MEMORY_BYTES that never changes its size."""

    def __init__(self, memory, boot_id):
        self._memory = memory
        self._slot = bytearray(SLOT_BYTES)
        self._head = bytearray(HEAD_BYTES)
        self._newest = 0
        struct.pack_into("<HBBI", self._head, 0, MAGIC, LAYOUT_VERSION, SLOT_COUNT, boot_id)

    def set_identify(self, payload):
        """The page that stays."""
        self._write_slot(0, 0, payload)
        self._write_head()

    def push(self, payload):
        """A run of records, cut between records into as many slots as it needs."""
        start = 0
        while start < len(payload):
            end = start
            while end < len(payload):
                record_end = end + 3 + (payload[end + 1] | payload[end + 2] << 8)
                if record_end - start > SLOT_PAYLOAD:
                    break
                end = record_end
            if end == start:
                raise ValueError("record does not fit a slot")
            self._newest += 1
            self._write_slot(1 + (self._newest - 1) % SLOT_COUNT, self._newest, payload[start:end])
            start = end
        # Last: it must never promise a slot that is not there.
        self._write_head()

    def _write_slot(self, index, serial, payload):
        slot = self._slot
        length = len(payload)
        end = 6 + length
        struct.pack_into("<IH", slot, 0, serial, length)
        slot[6:end] = payload
        struct.pack_into("<II", slot, end, crc32(memoryview(slot)[:end]) & 0xFFFFFFFF, serial)
        at = HEAD_BYTES + index * SLOT_BYTES
        self._memory[at : at + end + 8] = slot[: end + 8]
        struct.pack_into("<H", self._head, 12 + 2 * index, length)

    def _write_head(self):
        head = self._head
        struct.pack_into("<I", head, 8, self._newest)
        crc = crc32(memoryview(head)[: HEAD_BYTES - 4]) & 0xFFFFFFFF
        struct.pack_into("<I", head, HEAD_BYTES - 4, crc)
        self._memory[:HEAD_BYTES] = head
