"""Writes the generated tables of protocol/PROTOCOL.md from the declarations in ``tcxo_protocol.spec``.

``python -m tcxo_tools.protocol_doc`` rewrites the file, ``--check`` only says whether it is stale.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from construct import Array, FocusedSeq, FormatField, GreedyRange, Select, Struct
from tcxo_protocol import capture_file, i2c_pages, spec

from .generated import renew_file, renewed

__all__ = ["document", "main"]

DOCUMENT = Path(__file__).resolve().parents[2] / "protocol" / "PROTOCOL.md"

_TYPES = {"B": "u8", "H": "u16", "L": "u32", "Q": "u64", "h": "i16", "q": "i64"}


def document(text: str) -> str:
    """``text`` with every generated part renewed."""
    parts = {
        "records": _records(),
        "flags": "\n".join(_enum_table(spec.EdgeFlag)),
        "identity": _identity(),
        "enums": _enums(),
        "frame": "\n".join(_frame()),
        "pages": _pages(),
        "capture": _capture(),
    }
    for name, content in parts.items():
        text = renewed(text, name, content)
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check PROTOCOL.md."""
    return renew_file(
        argv,
        "python -m tcxo_tools.protocol_doc",
        "Renew the generated tables of protocol/PROTOCOL.md.",
        DOCUMENT,
        document,
    )


def _records() -> str:
    blocks = []
    for kind, declaration in spec.RECORDS.items():
        rows = ["| field | type |", "| --- | --- |", *_field_rows(declaration)]
        blocks.append(f"### {kind.value}: {kind.name.lower()}\n\n" + "\n".join(rows))
    return "\n\n".join(blocks)


def _field_rows(declaration: Struct, prefix: str = "") -> Iterator[str]:
    for field in declaration.subcons:
        yield f"| `{prefix}{field.name}` | {_type_name(field.subcon)} |"
        if isinstance(field.subcon, FocusedSeq):  # a PrefixedArray is a FocusedSeq of its count and its items
            yield from _field_rows(field.subcon.subcons[1].subcon.subcon, f"{field.name}[].")


def _type_name(kind: Any) -> str:
    if isinstance(kind, FormatField):
        return _TYPES[kind.fmtstr[1:]]
    if isinstance(kind, GreedyRange):
        return f"{_type_name(kind.subcon)}, as many as fit the record"
    if type(kind).__name__ == "StringEncoded":
        prefixed = type(kind.subcon).__name__ == "Prefixed"
        return "string" if prefixed else "UTF-8 to the end of the record"
    if isinstance(kind, Select):  # an Optional is a Select of its content and nothing
        return f"{_type_name(kind.subcons[0])}, may be missing"
    if isinstance(kind, FocusedSeq):
        return "count u8, then as many times:"
    raise TypeError(f"no name for {kind!r}")


def _identity() -> str:
    (tick_low, tick_high), (rate_low, rate_high) = spec.TICK_HZ_RANGE, spec.RATE_MHZ_RANGE
    rows = (
        f"| `tick_hz` | {tick_low} to {tick_high} |",
        f"| `channels` | 1 to {spec.MAX_CHANNELS}, no two with the same `id` or `role` |",
        f"| `channels[].rate_mhz` | {rate_low} to {rate_high}, at most half of `tick_hz` |",
    )
    return "\n".join(("| field | allowed |", "| --- | --- |", *rows))


def _enums() -> str:
    return "\n\n".join("\n".join(_enum_table(each)) for each in (spec.Role, spec.ResetCause))


def _enum_table(each: type[enum.IntEnum] | type[enum.IntFlag]) -> Iterator[str]:
    names = {"Role": "role", "ResetCause": "reset_cause", "EdgeFlag": "flags bit", "EntryKind": "kind"}
    name = names[each.__name__]
    yield f"| `{name}` | means |"
    yield "| --- | --- |"
    for member in each:
        yield f"| {member.value} | {(member.name or '').lower()} |"


def _frame() -> Iterator[str]:
    yield "| part | type |"
    yield "| --- | --- |"
    for field in spec.FRAME_HEAD.subcons:
        yield f"| `{field.name}` | {_type_name(field.subcon)} |"
    yield f"| records | at most {spec.MAX_PAYLOAD} bytes |"
    for field in spec.FRAME_CRC.subcons:
        yield f"| `{field.name}` | {_type_name(field.subcon)} |"


def _pages() -> str:
    slots, size, first = i2c_pages.SLOT_COUNT, i2c_pages.SLOT_BYTES, i2c_pages.slot_offset(0)
    where = [
        "| at | is |",
        "| --- | --- |",
        f"| 0 | head, {first} bytes |",
        f"| {first} + {size} `i` | slot `i`, 0 to {slots}, {size} bytes |",
        f"| {i2c_pages.MEMORY_BYTES} | end |",
    ]
    head = ["| head | type |", "| --- | --- |"]
    for field in i2c_pages.HEAD.subcons:
        if isinstance(field.subcon, Array):
            kind = (
                f"{_type_name(field.subcon.subcon)}, {field.subcon.count} times: payload bytes of each slot"
            )
        else:
            kind = _type_name(field.subcon)
        head.append(f"| `{field.name}` | {kind} |")
    slot = ["| slot | type |", "| --- | --- |"]
    slot += [f"| `{field.name}` | {_type_name(field.subcon)} |" for field in i2c_pages.SLOT_HEAD.subcons]
    slot.append(f"| payload | `length` bytes, at most {i2c_pages.SLOT_PAYLOAD}: a run of records |")
    told = {"crc32": ", over serial, length and payload", "serial": ", again"}
    for field in i2c_pages.SLOT_TAIL.subcons:
        slot.append(f"| `{field.name}` | {_type_name(field.subcon)}{told[field.name]} |")
    fixed = f"`magic` is 0x{i2c_pages.MAGIC:04x}, `layout_version` {i2c_pages.LAYOUT_VERSION}, `slot_count` {slots}."
    return "\n\n".join("\n".join(part) for part in (where, head, slot)) + "\n\n" + fixed


def _capture() -> str:
    entry = ["| part | type |", "| --- | --- |", *_field_rows(capture_file.ENTRY_HEAD)]
    entry += ["| body | `kind_length % 4096` bytes |", *_field_rows(capture_file.ENTRY_CRC)]
    bodies = ["| body of | field | type |", "| --- | --- | --- |"]
    for name, declaration in (("clock", capture_file.CLOCK), ("line", capture_file.LINE)):
        bodies += [f"| {name} {row}" for row in _field_rows(declaration)]
    parts = [entry, list(_enum_table(capture_file.EntryKind)), bodies]
    magic = " ".join(f"{byte:02x}" for byte in capture_file.MAGIC)
    return f"The magic is `{magic}`.\n\n" + "\n\n".join("\n".join(part) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
