"""Declaration of every record on the wire: the one source for host, firmware tests and PROTOCOL.md.

All integers are little-endian. A frame's payload is a run of records, each ``type u8, length u16, body``.
"""

from __future__ import annotations

import enum
import struct
from typing import Any

from construct import (
    FormatField,
    GreedyRange,
    GreedyString,
    Int8ul,
    Int16sl,
    Int16ul,
    Int32ul,
    Int64ul,
    Optional,
    PascalString,
    PrefixedArray,
    Struct,
)

__all__ = [
    "CHANNEL_COUNTS",
    "EDGES",
    "EDGES_HEAD",
    "FRAME_CRC",
    "FRAME_HEAD",
    "IDENTIFY",
    "MAX_CHANNELS",
    "MAX_PAYLOAD",
    "PROTOCOL_MAJOR",
    "PROTOCOL_MINOR",
    "RATE_MHZ_RANGE",
    "RECORDS",
    "RECORD_HEAD",
    "STATUS",
    "STATUS_HEAD",
    "TEMPERATURE_ABSENT",
    "TEXT",
    "TICK_HZ_RANGE",
    "VOLTAGE_ABSENT",
    "EdgeFlag",
    "RecordType",
    "ResetCause",
    "Role",
    "role_name",
    "struct_of",
]

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 2

MAX_PAYLOAD = 1024
"""Largest run of records in one frame, bytes; a receiver may drop anything longer."""

TICK_HZ_RANGE = (1_000, 4_294_967_295)
"""Lowest and highest counter rate in an identify record."""
RATE_MHZ_RANGE = (1, 100_000_000)
"""Lowest and highest nominal rate of a channel, thousandths of an edge a second."""
MAX_CHANNELS = 16
"""Most channels of a board; it has at least one."""

TEMPERATURE_ABSENT = -0x8000
VOLTAGE_ABSENT = 0xFFFF


class RecordType(enum.IntEnum):
    """First byte of a record."""

    IDENTIFY = 1
    EDGES = 2
    STATUS = 3
    TEXT = 4


class Role(enum.IntEnum):
    """What a capture channel is connected to."""

    GPS_PPS = 1
    RTC_PPS = 2
    HOST_PWM = 3
    AUX = 4
    REF_PPS = 5
    """Since 1.2: the 1 PPS of a steadier clock than the counter's, of whatever rate."""

    @property
    def label(self) -> str:
        """The role as it is written everywhere, ``gps_pps``: in files, on the command line, as a key."""
        return self.name.lower()


def role_name(role: int) -> str:
    """The label of a role by its wire number; ``role9`` for one that a newer board has."""
    return Role(role).label if role in set(Role) else f"role{role}"


class ResetCause(enum.IntEnum):
    """Why the board last started."""

    UNKNOWN = 0
    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


class EdgeFlag(enum.IntFlag):
    """Bits of ``Edges.flags``; they speak of the record's first edge."""

    OVERCAPTURE = 1
    """At least one edge came and went between the edge before and this one."""
    OVERFLOW = 2
    """Edges between the edge before and this one were captured but found no room in the ring."""


_SHORT_STRING = PascalString(Int8ul, "utf8")

FRAME_HEAD = Struct("seq" / Int16ul)
FRAME_CRC = Struct("crc32" / Int32ul)
RECORD_HEAD = Struct("type" / Int8ul, "length" / Int16ul)

CHANNEL = Struct(
    "id" / Int8ul,
    "role" / Int8ul,
    "rate_mhz" / Int32ul,  # millihertz
    "pin" / _SHORT_STRING,
)

# The two version bytes stand first in every version of the protocol, so that any receiver can name both.
IDENTIFY = Struct(
    "protocol_major" / Int8ul,
    "protocol_minor" / Int8ul,
    "boot_id" / Int32ul,
    "reset_cause" / Int8ul,
    "tick_hz" / Int32ul,
    "counter_bits" / Int8ul,
    "firmware_version" / _SHORT_STRING,
    "board" / _SHORT_STRING,
    "micropython_version" / _SHORT_STRING,
    "channels" / PrefixedArray(Int8ul, CHANNEL),
    "firmware_crc32" / Optional(Int32ul),  # since 1.1
)

EDGES_HEAD = Struct(
    "channel" / Int8ul,
    "flags" / Int8ul,
    "number" / Int32ul,
    "tick" / Int64ul,
)
EDGES = Struct(*EDGES_HEAD.subcons, "deltas" / GreedyRange(Int32ul))

CHANNEL_COUNTS = Struct(
    "id" / Int8ul,
    "edges" / Int32ul,
    "overcaptures" / Int32ul,
    "ring_drops" / Int32ul,
)

STATUS_HEAD = Struct(
    "uptime_s" / Int32ul,
    "tick" / Int64ul,
    "frames_sent" / Int32ul,
    "frames_dropped" / Int32ul,
    "mcu_cdeg" / Int16sl,
    "external_cdeg" / Int16sl,
    "supply_mv" / Int16ul,
)
STATUS = Struct(*STATUS_HEAD.subcons, "channels" / PrefixedArray(Int8ul, CHANNEL_COUNTS))

TEXT = Struct("text" / GreedyString("utf8"))

RECORDS: dict[RecordType, Struct] = {
    RecordType.IDENTIFY: IDENTIFY,
    RecordType.EDGES: EDGES,
    RecordType.STATUS: STATUS,
    RecordType.TEXT: TEXT,
}


def struct_of(declaration: Struct) -> struct.Struct:
    """The ``struct.Struct`` of a declaration made of fixed-size integers only.

    construct takes 7-17 us a record, struct 0.1 us; bulk decoding uses this, derived and never retyped.

    Raises TypeError for a declaration with any other kind of field.
    """
    codes = []
    for field in declaration.subcons:
        plain: Any = field.subcon
        if not isinstance(plain, FormatField) or plain.fmtstr[0] != "<":
            raise TypeError(f"field {field.name} of {declaration} has no fixed little-endian format")
        codes.append(plain.fmtstr[1:])
    return struct.Struct("<" + "".join(codes))
