"""Golden frames for every implementation of the protocol.

``python -m tcxo_tools.vectors`` writes them, ``--check`` only says whether the file is stale.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tcxo_protocol
from cobs import cobs
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import (
    Channel,
    ChannelCounts,
    Edges,
    Identify,
    Record,
    Status,
    Text,
    build_record,
)

from .generated import renew_file

__all__ = ["VECTORS_PATH", "main", "make_vectors", "vectors_text"]

VECTORS_PATH = Path(tcxo_protocol.__file__).parent / "vectors.json"

_CHANNELS = (Channel(1, 1, 1000, "X1"), Channel(2, 2, 1000, "X2"), Channel(3, 3, 50000, "X3"))
_IDENTIFY = Identify(
    0xDEADBEEF, 3, 84_000_000, 32, "0.1.0", "PYBV11", "MicroPython v1.29.0", _CHANNELS, protocol_minor=0
)
_IDENTIFY_1_1 = dataclasses.replace(_IDENTIFY, protocol_minor=1, firmware_crc32=0x8000_BEEF)
_IDENTIFY_1_2 = dataclasses.replace(
    _IDENTIFY_1_1, protocol_minor=2, channels=(*_CHANNELS, Channel(4, 5, 1000, "X4"))
)
_STATUS = Status(
    uptime_s=86400,
    tick=0x1_FFFF_FFFF,
    frames_sent=172_800,
    frames_dropped=0x8000_0000,
    mcu_c=41.25,
    external_c=-12.5,
    supply_v=3.301,
    channels=(ChannelCounts(1, 86400, 0, 0), ChannelCounts(3, 0xFFFF_FFFF, 1, 0x4000_0000)),
)
_BLIND_STATUS = dataclasses.replace(_STATUS, mcu_c=None, external_c=None, supply_v=None, channels=())
# Deltas on both sides of what fits 31 and 32 bits; the ticks cross a wrap of the counter.
_EDGES = Edges(3, 0, 0xFFFF_FFFE, (0xFFFF_FF00, 0x1_0000_0000, 0x1_3FFF_FFFF, 0x1_BFFF_FFFF, 0x2_BFFF_FFFE))
_FLAGGED = Edges(1, 3, 0x4000_0000, (0x3FFF_FFFF,))
_PWM = Edges(3, 0, 25, tuple(range(42_000_000, 84_000_000, 1_680_000)))

# name, seq, records
_GOOD: tuple[tuple[str, int, tuple[Record, ...]], ...] = (
    ("identify", 0, (_IDENTIFY,)),
    ("edges over a wrap, number at its end", 1, (_EDGES,)),
    ("one edge with both flags", 0x100, (_FLAGGED,)),
    ("status", 0xFFFF, (_STATUS,)),
    ("status without sensors or channels", 2, (_BLIND_STATUS,)),
    ("text with a zero byte and beyond ASCII", 3, (Text("25 °C\0"),)),
    ("text of 300 bytes: COBS blocks of 254", 4, (Text("x" * 300),)),
    ("a second's end: edges and status in one frame", 0x0101, (_FLAGGED, _PWM, _STATUS)),
    ("nothing", 5, ()),
    ("identify of protocol 1.1: with the firmware's CRC", 6, (_IDENTIFY_1_1,)),
    ("identify of protocol 1.2: with a ref_pps", 7, (_IDENTIFY_1_2,)),
)


def make_vectors() -> dict[str, Any]:
    """All vectors as JSON-able values; equal at every call."""
    good = []
    for name, seq, records in _GOOD:
        payload = b"".join(build_record(record) for record in records)
        fields = [{"kind": type(record).__name__.lower(), **dataclasses.asdict(record)} for record in records]
        frame = encode_frame(seq, payload).hex()
        good.append({"name": name, "seq": seq, "payload": payload.hex(), "frame": frame, "records": fields})
    bad = [{"name": name, "bytes": data.hex()} for name, data in _bad().items()]
    return {"good": good, "bad": bad}


def _bad() -> dict[str, bytes]:
    """Chunks between delimiters that are not a frame: a receiver counts each as one bad frame."""
    frame = encode_frame(7, build_record(_FLAGGED))
    raw = bytearray(cobs.decode(frame[:-1]))
    flipped = bytearray(raw)
    flipped[5] ^= 0x10
    return {
        "one bit flipped": bytes(cobs.encode(bytes(flipped))) + b"\0",
        "one byte missing": frame[:4] + frame[5:],
        "one byte too many": frame[:4] + b"\x01" + frame[4:],
        "cut off": frame[: len(frame) // 2] + b"\0",
        "COBS block longer than the chunk": b"\xff" + frame[1:],
        "shorter than its own CRC": b"\x03\x01\x02\0",
        "CRC of zero": bytes(cobs.encode(bytes(raw[:-4]) + bytes(4))) + b"\0",
    }


def vectors_text() -> str:
    """What ``vectors.json`` must hold."""
    return json.dumps(make_vectors(), indent=1) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check vectors.json."""
    return renew_file(
        argv,
        "python -m tcxo_tools.vectors",
        "Write the golden frames to protocol/tcxo_protocol/vectors.json.",
        VECTORS_PATH,
        lambda _: vectors_text(),
    )


if __name__ == "__main__":
    sys.exit(main())
