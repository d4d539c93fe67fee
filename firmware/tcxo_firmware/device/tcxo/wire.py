"""Records and frames as bytes, built in preallocated buffers. The host's ``tcxo_protocol.spec`` is the truth.

A frame is ``COBS(seq u16 | payload | crc32 u32) 0x00``; a payload is a run of ``type u8, length u16, body``.
Main-loop code: it may allocate, but keeps to buffers where that is as easy.
"""

import struct
from binascii import crc32

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 2
MAX_PAYLOAD = 1024

IDENTIFY = 1
EDGES = 2
STATUS = 3
TEXT = 4

_HEAD = 2  # seq
_CRC = 4


class FrameBuilder:
    """One frame under construction. ``begin``, then records, then ``finish``; reusable."""

    def __init__(self):
        covered = _HEAD + MAX_PAYLOAD + _CRC
        self._raw = bytearray(covered)
        self._view = memoryview(self._raw)
        self._encoded = bytearray(covered + covered // 254 + 2)
        self._encoded_view = memoryview(self._encoded)
        self._seq = 0
        self._end = _HEAD
        self._record = _HEAD

    def begin(self):
        """Forget what was added since the last ``finish``."""
        self._end = _HEAD

    def is_empty(self):
        return self._end == _HEAD

    def room(self):
        """Bytes left for records, their heads included."""
        return _HEAD + MAX_PAYLOAD - self._end

    def payload(self):
        """What was added so far, a view that the next ``begin`` invalidates."""
        return self._view[_HEAD : self._end]

    def open(self, kind):
        """Start a record; ``put`` fills it, ``close`` writes its length."""
        self._record = self._end
        self._raw[self._end] = kind
        self._end += 3

    def put(self, form, *values):
        struct.pack_into(form, self._raw, self._end, *values)
        self._end += struct.calcsize(form)

    def put_bytes(self, data):
        end = self._end + len(data)
        self._view[self._end : end] = data
        self._end = end

    def put_string(self, text):
        """A string with its length in one byte before it."""
        data = text.encode()[:255]
        self.put("<B", len(data))
        self.put_bytes(data)

    def close(self):
        struct.pack_into("<H", self._raw, self._record + 1, self._end - self._record - 3)

    def finish(self):
        """The encoded frame with its delimiter, a view that the next ``finish`` invalidates."""
        struct.pack_into("<H", self._raw, 0, self._seq)
        self._seq = (self._seq + 1) & 0xFFFF
        end = self._end
        struct.pack_into("<I", self._raw, end, crc32(self._view[:end]) & 0xFFFFFFFF)
        length = cobs_encode(self._raw, end + _CRC, self._encoded)
        self._encoded[length] = 0
        self._end = _HEAD
        return self._encoded_view[: length + 1]


def cobs_encode(raw, count, out):
    """Stuff ``raw[:count]`` into ``out`` without any zero byte; return the length.

    That is at most ``count + count // 254 + 1``.
    """
    code_at = 0
    position = 1
    code = 1
    for index in range(count):
        value = raw[index]
        if code == 255:
            # A full block, and more to come: it stands for no zero.
            out[code_at] = 255
            code_at = position
            position += 1
            code = 1
        if value:
            out[position] = value
            position += 1
            code += 1
        else:
            out[code_at] = code
            code_at = position
            position += 1
            code = 1
    out[code_at] = code
    return position
