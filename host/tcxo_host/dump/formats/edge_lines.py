"""Entries as lines of text, one an edge. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tcxo_protocol.capture_file import Entry, EntryKind
from tcxo_protocol.records import Edges, Identify, ProtocolError, Record, Status, Text, parse_payload
from tcxo_protocol.spec import Role, role_name

__all__ = ["LETTERS", "ROLES", "EdgeLines", "seconds_text"]

ROLES = tuple(role_name(role) for role in Role)
LETTERS = {role: chr(ord("A") + index) for index, role in enumerate(ROLES)}
"""The channel letters of TICC and TimeLab, by role."""


def seconds_text(tick: int, tick_hz: int, digits: int = 12) -> str:
    """``tick / tick_hz`` as decimal seconds, rounded half up, without going through a float."""
    scaled = (tick * 10**digits * 2 + tick_hz) // (2 * tick_hz)
    whole, part = divmod(scaled, 10**digits)
    return f"{whole}.{part:0{digits}d}"


class EdgeLines:
    """Formats entries as ``timelab``, ``ticks``, ``csv`` or ``records``; remembers the board it learned of."""

    def __init__(self, form: str, roles: set[str]) -> None:
        self._form = form
        self._roles = roles
        self._tick_hz = 0
        self._role_by_id: dict[int, str] = {}

    def of(self, entry: Entry) -> Iterator[str]:
        """The lines of one entry; none for edges of a board that has not identified itself."""
        if entry.kind != EntryKind.FRAME:
            if self._form == "records" and entry.kind == EntryKind.LINK_OPENED:
                yield "link opened"
            return
        try:
            records = parse_payload(entry.body)
        except ProtocolError as error:
            if self._form == "records":
                yield f"bad {error}"
            return
        for record in records:
            if isinstance(record, Identify):
                self._tick_hz = record.tick_hz
                self._role_by_id = {each.id: role_name(each.role) for each in record.channels}
            if isinstance(record, Edges):
                yield from self._edges(record)
            elif self._form == "records":
                yield _record(record)

    def _edges(self, record: Edges) -> Iterator[str]:
        role = self._role_by_id.get(record.channel, f"channel{record.channel}")
        if self._form == "records":
            if role in self._roles or not self._role_by_id:
                yield from _numbered(record, role)
        elif self._tick_hz and role in self._roles:
            for index, tick in enumerate(record.ticks):
                number = (record.number + index) & 0xFFFFFFFF
                if self._form == "ticks":
                    yield f"{role} {number} {tick}"
                elif self._form == "csv":
                    yield f"{role},{tick},{number},{0 if index else record.flags}"
                else:
                    yield f"{seconds_text(tick, self._tick_hz)} ch{LETTERS[role]}"


def _numbered(record: Edges, role: str) -> Iterator[str]:
    for index, tick in enumerate(record.ticks):
        flags = record.flags if index == 0 else 0
        yield f"edge channel={role} number={record.number + index} tick={tick} flags={flags}"


def _record(record: Record) -> str:
    if isinstance(record, Identify):
        channels = " ".join(
            f"{each.id}:{role_name(each.role)}@{each.rate_mhz / 1000:g}Hz" for each in record.channels
        )
        return (
            f"identify board={record.board} boot={record.boot_id:08x} tick_hz={record.tick_hz}"
            f" protocol={record.protocol_major}.{record.protocol_minor} firmware={record.firmware_version} {channels}"
        )
    if isinstance(record, Status):
        return (
            f"status uptime_s={record.uptime_s} tick={record.tick} frames_sent={record.frames_sent}"
            f" frames_dropped={record.frames_dropped} mcu_c={record.mcu_c} external_c={record.external_c}"
            f" supply_v={record.supply_v}"
        )
    assert isinstance(record, Text)
    return f"text {record.text}"
