"""Captures as JSON lines, a record each, and back: nothing is lost but how records shared frames. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from construct import ConstructError
from tcxo_protocol.capture_file import CLOCK, Entry, EntryKind, build_line, parse_clock, parse_line
from tcxo_protocol.records import (
    Channel,
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
_RECORDS: dict[str, type[Any]] = {"identify": Identify, "edges": Edges, "status": Status, "text": Text}


def jsonl_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """``type``, ``host_ns`` and the record's own fields; units as in ``tcxo_protocol.records``."""
    for entry in entries:
        if entry.kind == EntryKind.FRAME:
            try:
                records = parse_payload(entry.body)
            except ProtocolError as error:
                yield _line("damaged", entry.host_ns, {"reason": str(error), "payload": entry.body.hex()})
                continue
            for record in records:
                name = type(record).__name__.lower()
                yield _line(name, entry.host_ns, dataclasses.asdict(record))
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
    """The entries again, each record a frame of its own. Lines that are none go to ``problems``."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            yield _entry(values)
        except (ValueError, KeyError, TypeError, ConstructError) as error:
            problems.append(f"line {number}: no line of a capture ({type(error).__name__}: {error})")


def _entry(values: Mapping[str, Any]) -> Entry:
    kind, host_ns = values["type"], int(values["host_ns"])
    fields = {key: value for key, value in values.items() if key not in ("type", "host_ns")}
    if kind == "clock":
        return Entry(EntryKind.CLOCK, host_ns, _CLOCK.pack(host_ns, fields["utc_ns"]))
    if kind == "link_opened":
        return Entry(EntryKind.LINK_OPENED, host_ns, b"")
    if kind == "line":
        return Entry(EntryKind.LINE, host_ns, build_line(**fields))
    if kind == "note":
        return Entry(EntryKind.NOTE, host_ns, fields["text"].encode())
    if kind == "damaged":
        return Entry(EntryKind.FRAME, host_ns, bytes.fromhex(fields["payload"]))
    return Entry(EntryKind.FRAME, host_ns, build_record(_record(kind, fields)))


def _record(kind: str, fields: dict[str, Any]) -> Record:
    if kind == "identify":
        fields["channels"] = tuple(Channel(**each) for each in fields["channels"])
    elif kind == "status":
        fields["channels"] = tuple(ChannelCounts(**each) for each in fields["channels"])
    elif kind == "edges":
        fields["ticks"] = tuple(fields["ticks"])
    record: Record = _RECORDS[kind](**fields)
    return record


def _line(kind: str, host_ns: int, fields: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "host_ns": host_ns, **fields}, separators=(",", ":"))
