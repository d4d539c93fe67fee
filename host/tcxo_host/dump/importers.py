"""Text that other counters print, as edges: CSV and TICC / TimeLab lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import DataError, UsageError
from .edge_lines import LETTERS, ROLES
from .synthesis import Imported, ImportedChannel, nominal_rate_hz

__all__ = ["TextImport", "detect_format", "parse_map", "read_text"]

_TIMELAB = re.compile(r"^\s*([+-]?\d+(?:\.\d*)?)\s+(?:ch)?([A-Za-z0-9_]+)\s*$")
_NUMBER = re.compile(r"^[+-]?\d+(\.\d*)?$")
_WORST_SHOWN = 3


@dataclass(slots=True)
class TextImport:
    """What was understood of a text, and the lines that were not."""

    imported: Imported
    lines: int = 0
    bad_lines: list[str] = field(default_factory=list)
    """The first few, as ``line 7: reason``."""
    bad_count: int = 0


def detect_format(first_lines: Iterable[str]) -> str:
    """``jsonl``, ``timelab`` or ``csv``, by the first line that is no comment."""
    for line in first_lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("{"):
            return "jsonl"
        return "timelab" if _TIMELAB.match(text) and "," not in text else "csv"
    return "csv"


def parse_map(text: str) -> dict[str, str]:
    """``A=gps_pps,C=host_pwm`` as a table. Raises UsageError."""
    table = {}
    for part in filter(None, text.split(",")):
        name, _, role = part.partition("=")
        if not name.strip() or role.strip() not in ROLES:
            raise UsageError(f"--map {part!r}: expected CHANNEL=ROLE with a role of {', '.join(ROLES)}")
        table[name.strip().lower().removeprefix("ch")] = role.strip()
    return table


def read_text(
    lines: Iterable[str],
    form: str,
    *,
    where: str,
    tick_hz: int | None = None,
    channel_map: Mapping[str, str] | None = None,
    rates_hz: Mapping[str, float] | None = None,
    counter_bits: int | None = None,
    start_utc_ns: int = 0,
) -> TextImport:
    """Edges of ``csv`` (``channel,ticks`` or ``seconds,channel``, either order) or ``timelab`` lines.

    Ticks need ``tick_hz``; seconds become ticks of 1 ns, or of 0.25 ns where they are given finer, unless it
    is given. ``counter_bits`` unwraps a counter that wraps. Raises DataError when no line can be used.
    """
    table = _Table(channel_map or {})
    columns = _timelab_columns(lines) if form == "timelab" else _csv_columns(lines, where)
    scale: int | None = None
    values: list[tuple[int, str, int, int]] = []  # value, channel, number or -1, flags
    result = TextImport(Imported({}, tick_hz or 0))
    digits = 0
    for line_number, (kind, value, channel, number, flags) in columns:
        result.lines += 1
        if kind == "bad" or channel is None:
            _complain(result, f"line {line_number}: {value}")
            continue
        if kind == "ticks" and "." in value:
            _complain(result, f"line {line_number}: {value!r} is no whole number of ticks")
            continue
        whole, _, part = value.partition(".")
        if kind == "seconds":
            digits = max(digits, len(part))
            scale = 12
            part = (part + "0" * 12)[:12]
            values.append((int(whole + part), channel, number, flags))
        else:
            values.append((int(whole), channel, number, flags))
    if not values:
        first = f" ({result.bad_lines[0]})" if result.bad_lines else ""
        raise DataError(
            f"{where}: no edges in it: expected lines such as 0,25618500 or 3.999672500 chC{first}"
        )
    if scale is None and tick_hz is None:
        raise UsageError(f"{where}: ticks say nothing without their rate: give --tick-hz, such as 84000000")
    if tick_hz is None:
        tick_hz = 1_000_000_000 if digits <= 9 else 4_000_000_000
    if scale is not None:
        half = 10**scale // 2
        values = [((v * tick_hz + half) // 10**scale, c, n, f) for v, c, n, f in values]
    if counter_bits:
        values = _unwrapped(values, counter_bits)
    names = {channel for _, channel, _, _ in values}
    roles = {name: table.role(name, names, where) for name in names}
    result.imported = Imported(
        _channels(values, roles, tick_hz, rates_hz or {}, result, where), tick_hz, start_utc_ns=start_utc_ns
    )
    return result


class _Table:
    """Channel names to roles: --map first, then role names, letters in order, numbers."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def role(self, name: str, names: set[str], where: str) -> str:
        plain = name.lower()
        short = plain.removeprefix("ch")
        if short in self._given:
            return self._given[short]
        if plain in ROLES:
            return plain
        letters = {letter.lower(): role for role, letter in LETTERS.items()}
        if short in letters:
            return letters[short]
        if short.isdigit():
            # channels counted from 0, or, where there is none, the numbers of the protocol's roles
            index = int(short) - (0 if {"0", "ch0"} & {each.lower() for each in names} else 1)
            if 0 <= index < len(ROLES):
                return ROLES[index]
        raise DataError(
            f"{where}: channel {name!r}: say what it is with --map {name}=gps_pps (or {', '.join(ROLES[1:])})"
        )


Row = tuple[int, tuple[str, str, str | None, int, int]]


def _timelab_columns(lines: Iterable[str]) -> Iterable[Row]:
    for line_number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _TIMELAB.match(line)
        if found:
            yield line_number, ("seconds", found[1], found[2], -1, 0)
        else:
            yield line_number, ("bad", f"{line.strip()[:40]!r} is no time and channel", None, -1, 0)


def _csv_columns(lines: Iterable[str], where: str) -> Iterable[Row]:
    order: dict[str, int] = {}
    for line_number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]", line.strip())]
        if not order:
            header = _header(cells)
            order = header or _guess(cells, where, line_number)
            if header:
                continue
        try:
            kind = "seconds" if "seconds" in order else "ticks"
            value, channel = cells[order[kind]], cells[order["channel"]]
            if not _NUMBER.match(value) or not channel:
                raise ValueError
            number = int(cells[order["number"]]) if "number" in order else -1
            flags = int(cells[order["flags"]]) if "flags" in order else 0
            yield line_number, (kind, value, channel, number, flags)
        except (ValueError, IndexError):
            yield line_number, ("bad", f"{line.strip()[:40]!r} is no edge", None, -1, 0)


_HEADINGS = {
    "channel": "channel", "chan": "channel", "ch": "channel", "role": "channel",
    "ticks": "ticks", "tick": "ticks", "count": "ticks",
    "seconds": "seconds", "second": "seconds", "time": "seconds", "time_s": "seconds", "timestamp": "seconds",
    "number": "number", "flags": "flags",
}  # fmt: skip


def _header(cells: list[str]) -> dict[str, int] | None:
    found = {_HEADINGS[cell.lower()]: index for index, cell in enumerate(cells) if cell.lower() in _HEADINGS}
    return found if "channel" in found and {"ticks", "seconds"} & set(found) else None


def _guess(cells: list[str], where: str, line_number: int) -> dict[str, int]:
    """Without a heading: ``channel,ticks``, or ``seconds,channel`` when one cell has a decimal point."""
    if len(cells) >= 2:
        first, second = cells[0], cells[1]
        if "." in first and _NUMBER.match(first):
            return {"seconds": 0, "channel": 1}
        if "." in second and _NUMBER.match(second):
            return {"channel": 0, "seconds": 1}
        if _NUMBER.match(second):
            return {"channel": 0, "ticks": 1}
        if _NUMBER.match(first):
            return {"ticks": 0, "channel": 1}
    raise DataError(
        f"{where}: line {line_number}: expected channel,ticks or seconds,channel, found {','.join(cells)[:40]!r}"
    )


def _unwrapped(values: list[tuple[int, str, int, int]], bits: int) -> list[tuple[int, str, int, int]]:
    """Channels may overtake each other a little: an eighth of a turn back counts as back."""
    turn, total, last = 1 << bits, 0, None
    result = []
    for value, channel, number, flags in values:
        if last is None:
            total = value
        else:
            step = (value - last) % turn
            total += step if step < turn - turn // 8 else step - turn
        last = value
        result.append((total, channel, number, flags))
    return result


def _channels(
    values: list[tuple[int, str, int, int]],
    roles: Mapping[str, str],
    tick_hz: int,
    rates_hz: Mapping[str, float],
    result: TextImport,
    where: str,
) -> dict[str, ImportedChannel]:
    by_role: dict[str, list[tuple[int, int, int]]] = {}
    for value, channel, number, flags in values:
        by_role.setdefault(roles[channel], []).append((value, number, flags))
    lowest = min(value for value, *_ in values)
    if lowest < 0:
        raise DataError(f"{where}: times before zero: subtract the first one")
    channels = {}
    for role in sorted(by_role, key=ROLES.index):
        columns = np.array(by_role[role], np.int64)
        ticks = columns[:, 0]
        back = np.flatnonzero(np.diff(ticks) <= 0)
        if np.count_nonzero(np.diff(ticks) < 0):
            raise DataError(
                f"{where}: {role} goes back from {ticks[back[0]]} to {ticks[back[0] + 1]} ticks:"
                " give --counter-bits 32 (or 16) if the counter wraps, else split the file there"
            )
        if back.size:
            result.bad_count += int(back.size)
            result.bad_lines.append(f"{back.size} edges of {role} repeated")
            columns = np.delete(columns, back + 1, axis=0)
            ticks = columns[:, 0]
        known = bool((columns[:, 1] >= 0).all())
        channels[role] = ImportedChannel(
            ticks,
            rates_hz.get(role) or nominal_rate_hz(ticks, tick_hz),
            columns[:, 1] if known else None,
            columns[:, 2].astype(np.uint8),
        )
    return channels


def _complain(result: TextImport, text: str) -> None:
    result.bad_count += 1
    if len(result.bad_lines) < _WORST_SHOWN:
        result.bad_lines.append(text)
