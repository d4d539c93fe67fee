"""Captures as JSON lines, a record each, and back: nothing is lost except which records shared a frame. Pure."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from reprlib import repr as short
from typing import Any

from construct import ConstructError
from tcxo_protocol.capture_file import CLOCK, MAX_BODY, Entry, EntryKind, build_line, parse_clock, parse_line
from tcxo_protocol.json_names import identify_of_values, identify_values
from tcxo_protocol.records import (
    ChannelCounts,
    Edges,
    Identify,
    ProtocolError,
    Record,
    Status,
    Text,
    build_record,
    parse_payload,
)
from tcxo_protocol.spec import struct_of

__all__ = ["entries_of_jsonl", "jsonl_lines"]

_CLOCK = struct_of(CLOCK)
_LATEST_HOST_NS, _LATEST_UTC_NS = 1 << 61, 1 << 62
"""Together below 63 bits, so that any of ours fits with any clock: 73 years without a restart, the year 2116."""
_MOST_PROBLEMS = 3
_NOT_OURS = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error,
    ConstructError,
)  # fmt: skip
"""The exceptions that reading a foreign JSON value as one of our records may raise."""
_RECORDS: dict[str, type[Any]] = {"edges": Edges, "status": Status, "text": Text}


def jsonl_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """``type``, ``host_ns`` and the record's own fields; units as in ``tcxo_protocol.records``, and an identity as
    ``identify_values`` has it."""
    for entry in entries:
        if entry.kind == EntryKind.FRAME:
            try:
                records = parse_payload(entry.body)
            except ProtocolError as error:
                yield _line("damaged", entry.host_ns, {"reason": str(error), "payload": entry.body.hex()})
                continue
            for record in records:
                name = type(record).__name__.lower()
                yield _line(name, entry.host_ns, _values(record))
        elif entry.kind == EntryKind.CLOCK:
            yield _line("clock", entry.host_ns, {"utc_ns": parse_clock(entry.body)[1]})
        elif entry.kind == EntryKind.LINK_OPENED:
            yield _line("link_opened", entry.host_ns, {})
        elif entry.kind == EntryKind.LINE:
            bad, lost, skipped = parse_line(entry.body)
            counts = {"bad_frames": bad, "lost_frames": lost, "skipped_bytes": skipped}
            yield _line("line", entry.host_ns, counts)
        elif entry.kind == EntryKind.NOTE:
            yield _line("note", entry.host_ns, {"text": entry.body.decode(errors="replace")})


def entries_of_jsonl(lines: Iterable[str], problems: list[str]) -> Iterator[Entry]:
    """The entries again, each record a frame of its own. The first lines that are not entries go to ``problems``."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = _entry(json.loads(line))
        except _NOT_OURS as error:
            if len(problems) < _MOST_PROBLEMS:
                told = str(error).splitlines() or [""]
                problems.append(
                    f"line {number}: not a line of a capture ({type(error).__name__}: {told[-1][:200]})"
                )
            elif len(problems) == _MOST_PROBLEMS:
                problems.append("and more such lines")
        else:
            yield entry


def _entry(values: Mapping[str, Any]) -> Entry:
    kind, host_ns = values["type"], int(values["host_ns"])
    if not 0 <= host_ns < _LATEST_HOST_NS:
        raise ValueError(f"host_ns = {short(values['host_ns'])} is not a time since a start")
    entry = _entry_of(kind, host_ns, values)
    if len(entry.body) > MAX_BODY:
        raise ValueError(f"{len(entry.body)} bytes, at most {MAX_BODY} fit an entry")
    return entry


def _entry_of(kind: str, host_ns: int, values: Mapping[str, Any]) -> Entry:
    fields = {key: value for key, value in values.items() if key not in ("type", "host_ns")}
    if kind == "clock":
        utc_ns = fields["utc_ns"]
        if not abs(utc_ns) < _LATEST_UTC_NS:
            raise ValueError(f"utc_ns = {short(utc_ns)} is not a time between 1824 and 2116")
        return Entry(EntryKind.CLOCK, host_ns, _CLOCK.pack(host_ns, utc_ns))
    if kind == "link_opened":
        return Entry(EntryKind.LINK_OPENED, host_ns, b"")
    if kind == "line":
        return Entry(EntryKind.LINE, host_ns, build_line(**fields))
    if kind == "note":
        return Entry(EntryKind.NOTE, host_ns, fields["text"].encode())
    if kind == "damaged":
        return Entry(EntryKind.FRAME, host_ns, bytes.fromhex(fields["payload"]))
    return Entry(EntryKind.FRAME, host_ns, build_record(_record(kind, fields)))


def _values(record: Record) -> dict[str, Any]:
    return identify_values(record) if isinstance(record, Identify) else dataclasses.asdict(record)


def _record(kind: str, fields: dict[str, Any]) -> Record:
    if kind == "identify":
        return identify_of_values(fields)
    if kind == "status":
        fields["channels"] = tuple(ChannelCounts(**each) for each in fields["channels"])
    elif kind == "edges":
        fields["ticks"] = tuple(fields["ticks"])
    record: Record = _RECORDS[kind](**fields)
    return record


def _line(kind: str, host_ns: int, fields: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "host_ns": host_ns, **fields}, separators=(",", ":"))
