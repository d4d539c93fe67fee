"""Frames on a serial line: COBS, sequence number, CRC-32. Bytes in, frames out; no I/O.

On the wire a frame is ``COBS(seq u16 | payload | crc32 u32) 0x00``; the CRC (ISO-HDLC, as zlib's and
MicroPython's ``binascii.crc32``) covers ``seq`` and payload. COBS: Cheshire and Baker, "Consistent
Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2), 1999.
"""

from __future__ import annotations

from binascii import crc32
from dataclasses import dataclass

from cobs import cobs

from .spec import FRAME_CRC, FRAME_HEAD, MAX_PAYLOAD, struct_of

__all__ = ["DELIMITER", "Frame", "FrameDecoder", "LineCounts", "encode_frame"]

DELIMITER = b"\0"

_HEAD = struct_of(FRAME_HEAD)
_CRC = struct_of(FRAME_CRC)
_OVERHEAD = _HEAD.size + _CRC.size
# COBS adds one byte per started block of 254.
_MAX_ENCODED = MAX_PAYLOAD + _OVERHEAD + (MAX_PAYLOAD + _OVERHEAD) // 254 + 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One intact frame. ``lost``: frames missing between the frame before and this one."""

    seq: int
    payload: bytes
    lost: int = 0


@dataclass(slots=True)
class LineCounts:
    """What a receiver has seen since it was made."""

    frames: int = 0
    bad_frames: int = 0
    """Chunks between two delimiters that were not an intact frame."""
    lost_frames: int = 0
    """Gaps in the sequence numbers, frames; a board's restart does not count."""
    skipped_bytes: int = 0
    """Bytes in bad frames, before the first delimiter, and in overlong chunks."""


def encode_frame(seq: int, payload: bytes) -> bytes:
    """A frame with its closing delimiter. ``seq`` is taken modulo 65536.

    Raises ValueError for a payload over ``MAX_PAYLOAD``.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes, at most {MAX_PAYLOAD} fit a frame")
    covered = _HEAD.pack(seq & 0xFFFF) + payload
    stuffed: bytes = cobs.encode(covered + _CRC.pack(crc32(covered)))
    return stuffed + DELIMITER


class FrameDecoder:
    """Finds frames in a stream of bytes, however it is cut, and counts what it could not use.

    A receiver that starts in the middle of a frame drops it silently (``skipped_bytes`` tells); noise,
    lost bytes and overlong chunks cost the frame they hit and nothing more.
    """

    def __init__(self) -> None:
        self.counts = LineCounts()
        self._buffer = bytearray()
        self._synchronised = False
        self._overlong = False
        self._next_seq: int | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the line; return the frames they complete, in order."""
        frames: list[Frame] = []
        *chunks, rest = data.split(DELIMITER)
        for chunk in chunks:
            self._append(chunk)
            frame = self._close_chunk()
            if frame is not None:
                frames.append(frame)
        self._append(rest)
        return frames

    def _append(self, data: bytes) -> None:
        if self._overlong or len(self._buffer) + len(data) > _MAX_ENCODED:
            self.counts.skipped_bytes += len(self._buffer) + len(data)
            self._buffer.clear()
            self._overlong = True
        else:
            self._buffer += data

    def _close_chunk(self) -> Frame | None:
        chunk, was_overlong = bytes(self._buffer), self._overlong
        was_synchronised = self._synchronised
        self._buffer.clear()
        self._overlong = False
        self._synchronised = True
        covered = None if was_overlong else _unstuff(chunk)
        if covered is None:
            # An empty chunk is an idle line; the end of a frame that began before we listened is not an error.
            if (chunk or was_overlong) and was_synchronised:
                self.counts.bad_frames += 1
            self.counts.skipped_bytes += len(chunk)
            return None
        (seq,) = _HEAD.unpack_from(covered)
        lost = 0 if self._next_seq is None else (seq - self._next_seq) & 0xFFFF
        if lost >= 0x8000 or (seq == 0 and lost):
            lost = 0  # a repeated frame, or a restarted board: no gap
        self._next_seq = (seq + 1) & 0xFFFF
        self.counts.frames += 1
        self.counts.lost_frames += lost
        return Frame(seq, covered[_HEAD.size :], lost)


def _unstuff(chunk: bytes) -> bytes | None:
    """``seq | payload`` of an intact frame, else None."""
    if len(chunk) <= _OVERHEAD:
        return None
    try:
        whole: bytes = cobs.decode(chunk)
    except cobs.DecodeError:
        return None
    if len(whole) < _OVERHEAD or len(whole) > MAX_PAYLOAD + _OVERHEAD:
        return None
    covered = whole[: -_CRC.size]
    (expected,) = _CRC.unpack_from(whole, len(covered))
    return covered if crc32(covered) == expected else None
