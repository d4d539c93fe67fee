"""Records to and from bytes: parse a body, build a body. Pure."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from typing import Any

from construct import ConstructError

from .spec import (
    CHANNEL_COUNTS,
    EDGES,
    IDENTIFY,
    MAX_CHANNELS,
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    RATE_MHZ_RANGE,
    RECORD_HEAD,
    STATUS,
    STATUS_HEAD,
    TEMPERATURE_ABSENT,
    TEXT,
    TICK_HZ_RANGE,
    VOLTAGE_ABSENT,
    RecordType,
    role_name,
    struct_of,
)
from .values import (
    Channel,
    ChannelCounts,
    Edges,
    Identify,
    IdentityError,
    ProtocolError,
    Record,
    Status,
    Text,
    VersionMismatch,
)

__all__ = [
    "Channel",
    "ChannelCounts",
    "Edges",
    "Identify",
    "IdentityError",
    "ProtocolError",
    "Record",
    "Status",
    "Text",
    "VersionMismatch",
    "build_record",
    "iter_bodies",
    "parse_body",
    "parse_payload",
    "printable",
]

_RECORD_HEAD = struct_of(RECORD_HEAD)
_STATUS_HEAD = struct_of(STATUS_HEAD)
_CHANNEL_COUNTS = struct_of(CHANNEL_COUNTS)
_COUNT = struct.Struct("<B")
_MASK64 = (1 << 64) - 1


def iter_bodies(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Split a frame's payload into ``(type, body)`` pairs, unknown types included.

    Raises ProtocolError when a record's length points past the end.
    """
    position, end = 0, len(payload)
    while position < end:
        if position + _RECORD_HEAD.size > end:
            raise ProtocolError(f"record header cut off at byte {position} of {end}")
        kind, length = _RECORD_HEAD.unpack_from(payload, position)
        position += _RECORD_HEAD.size
        if position + length > end:
            raise ProtocolError(f"record type {kind} of {length} bytes runs past the payload's {end} bytes")
        yield kind, payload[position : position + length]
        position += length


def parse_body(kind: int, body: bytes) -> Record | None:
    """The record in ``body``, or None for a type this version does not know.

    Trailing bytes are ignored: a later minor version may append fields. Texts come out as ``printable`` has
    them: no other place needs to protect a terminal or a log from what a board sends.
    Raises ProtocolError for a body that is too short, IdentityError for an identify record with numbers out
    of the ranges that ``spec`` declares, VersionMismatch for another major version.
    """
    try:
        if kind == RecordType.EDGES:
            return _parse_edges(body)
        if kind == RecordType.STATUS:
            return _parse_status(body)
        if kind == RecordType.IDENTIFY:
            return _parse_identify(body)
        if kind == RecordType.TEXT:
            return Text(printable(body.decode("utf8", "replace")))
    except (ConstructError, UnicodeDecodeError, struct.error) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ProtocolError(
            f"{RecordType(kind).name.lower()} record of {len(body)} bytes: {reason}"
        ) from None
    return None


def parse_payload(payload: bytes) -> list[Record]:
    """Every known record of a frame's payload, in order. Raises as ``iter_bodies`` and ``parse_body``."""
    parsed = (parse_body(kind, body) for kind, body in iter_bodies(payload))
    return [record for record in parsed if record is not None]


def printable(text: str) -> str:
    """``text`` with everything that could control a terminal or forge a line escaped, as in ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def build_record(record: Record) -> bytes:
    """``type, length, body`` of a record. Raises construct's errors for values out of range."""
    if isinstance(record, Edges):
        kind, body = RecordType.EDGES, _build_edges(record)
    elif isinstance(record, Status):
        kind, body = RecordType.STATUS, _build_status(record)
    elif isinstance(record, Identify):
        kind, body = RecordType.IDENTIFY, IDENTIFY.build(dataclasses.asdict(record))
    else:
        kind, body = RecordType.TEXT, TEXT.build({"text": record.text})
    return _RECORD_HEAD.pack(kind, len(body)) + body


def _parse_identify(body: bytes) -> Identify:
    if len(body) < 2:
        raise ProtocolError(f"identify record of {len(body)} bytes has no version")
    if body[0] != PROTOCOL_MAJOR:
        raise VersionMismatch(
            f"the board speaks protocol {body[0]}.{body[1]}, this host {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}:"
            " install matching versions of the firmware (tcxo-flash) and the host"
        )
    fields = _fields(IDENTIFY.parse(body))
    fields["channels"] = tuple(Channel(**_fields(channel)) for channel in fields["channels"])
    identify = Identify(**fields)
    problem = _implausible(identify)
    if problem:
        raise IdentityError(
            f"board {identify.board or 'without a name'} cannot be used: {problem}:"
            " mend its board_config and flash it (tcxo-flash)"
        )
    return identify


def _implausible(identify: Identify) -> str:
    """What is impossible in this identity; empty for a valid one."""
    channels = identify.channels
    low, high = TICK_HZ_RANGE
    if not low <= identify.tick_hz <= high:
        return f"its tick_hz is {identify.tick_hz}, expected {low} to {high}"
    if not 1 <= len(channels) <= MAX_CHANNELS:
        return f"it has {len(channels)} channels, expected 1 to {MAX_CHANNELS}"
    if len({each.id for each in channels}) < len(channels):
        return "two of its channels have the same id"
    if len({each.role for each in channels}) < len(channels):
        return "two of its channels have the same role"
    low, high = RATE_MHZ_RANGE
    for each in channels:
        if not low <= each.rate_mhz <= high:
            return f"the rate_mhz of its channel {role_name(each.role)} is {each.rate_mhz}, expected {low} to {high}"
        if each.rate_mhz * 2 > identify.tick_hz * 1000:
            return f"its tick_hz of {identify.tick_hz} is too slow for {each.rate_mhz} mHz on {role_name(each.role)}"
    return ""


def _parse_edges(body: bytes) -> Edges:
    declared = EDGES.parse(body)
    ticks = [declared.tick]
    for delta in declared.deltas:
        ticks.append((ticks[-1] + delta) & _MASK64)
    return Edges(declared.channel, declared.flags, declared.number, tuple(ticks))


def _build_edges(record: Edges) -> bytes:
    deltas = [(b - a) & _MASK64 for a, b in zip(record.ticks, record.ticks[1:], strict=False)]
    body: bytes = EDGES.build(
        {
            "channel": record.channel,
            "flags": record.flags,
            "number": record.number,
            "tick": record.ticks[0],
            "deltas": deltas,
        }
    )
    return body


def _parse_status(body: bytes) -> Status:
    # Once a second, and construct takes as long over it as over everything else together.
    uptime_s, tick, sent, dropped, mcu_cdeg, external_cdeg, supply_mv = _STATUS_HEAD.unpack_from(body)
    (count,) = _COUNT.unpack_from(body, _STATUS_HEAD.size)
    first = _STATUS_HEAD.size + _COUNT.size
    return Status(
        uptime_s=uptime_s,
        tick=tick,
        frames_sent=sent,
        frames_dropped=dropped,
        mcu_c=_from_cdeg(mcu_cdeg),
        external_c=_from_cdeg(external_cdeg),
        supply_v=None if supply_mv == VOLTAGE_ABSENT else supply_mv / 1000,
        channels=tuple(
            ChannelCounts(*_CHANNEL_COUNTS.unpack_from(body, first + k * _CHANNEL_COUNTS.size))
            for k in range(count)
        ),
    )


def _build_status(record: Status) -> bytes:
    body: bytes = STATUS.build(
        {
            "uptime_s": record.uptime_s,
            "tick": record.tick,
            "frames_sent": record.frames_sent,
            "frames_dropped": record.frames_dropped,
            "mcu_cdeg": _to_cdeg(record.mcu_c),
            "external_cdeg": _to_cdeg(record.external_c),
            "supply_mv": VOLTAGE_ABSENT if record.supply_v is None else round(record.supply_v * 1000),
            "channels": [dataclasses.asdict(counts) for counts in record.channels],
        }
    )
    return body


def _from_cdeg(cdeg: int) -> float | None:
    return None if cdeg == TEMPERATURE_ABSENT else cdeg / 100


def _to_cdeg(celsius: float | None) -> int:
    return TEMPERATURE_ABSENT if celsius is None else round(celsius * 100)


def _fields(container: Any) -> dict[str, Any]:
    """The values by name, texts made printable."""
    return {
        name: printable(value) if isinstance(value, str) else value
        for name, value in container.items()
        if not name.startswith("_")
    }
