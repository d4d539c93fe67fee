"""Text that other counters print, as edges: what the rows of ``text_rows`` mean. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...errors import DataError, UsageError
from .edge_lines import LETTERS, ROLES
from .synthesis import Imported, ImportedChannel, nominal_rate_hz
from .text_rows import csv_rows, timelab_rows

__all__ = ["TextImport", "parse_map", "read_text"]

_WORST_SHOWN = 3
_LARGEST = 1 << 62
_MOST_DIGITS = 20
_MOST_CHANNELS = 64

Ticks = npt.NDArray[np.int64]


@dataclass(slots=True)
class TextImport:
    """What was understood of a text, and the lines that were not."""

    imported: Imported
    lines: int = 0
    bad_lines: list[str] = field(default_factory=list)
    """The first few, as ``line 7: reason``."""
    bad_count: int = 0


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
    rows = timelab_rows(lines) if form == "timelab" else csv_rows(lines, where)
    result = TextImport(Imported({}, tick_hz or 0))
    columns = _Columns()
    for line_number, kind, value, channel, number, flags in rows:
        result.lines += 1
        if kind == "bad":
            _complain(result, f"line {line_number}: {value}")
            continue
        try:
            columns.add(kind, value, channel, number, flags)
        except (ValueError, OverflowError) as error:
            _complain(result, f"line {line_number}: {error}")
    if not columns.whole:
        first = f" ({result.bad_lines[0]})" if result.bad_lines else ""
        raise DataError(
            f"{where}: no edges in it: expected lines such as 0,25618500 or 3.999672500 chC{first}"
        )
    if not columns.seconds and tick_hz is None:
        raise UsageError(f"{where}: ticks need their rate: give --tick-hz, such as 84000000")
    if tick_hz is None:
        tick_hz = 1_000_000_000 if columns.digits <= 9 else 4_000_000_000
    try:
        ticks = columns.ticks(tick_hz)
        if counter_bits:
            ticks = _unwrapped(ticks, counter_bits)
    except OverflowError as error:
        raise DataError(f"{where}: {error}") from None
    if ticks.min() < 0:
        raise DataError(f"{where}: times before zero: subtract the first one")
    names = set(columns.names)
    roles = [table.role(name, names, where) for name in columns.names]
    channels = _channels(columns, ticks, roles, tick_hz, rates_hz or {}, result, where)
    result.imported = Imported(channels, tick_hz, start_utc_ns=start_utc_ns)
    return result


class _Columns:
    """Edges as they are read, some 20 bytes each: a day of 50 Hz is four million of them."""

    def __init__(self) -> None:
        self.seconds = False
        """Whether the values are seconds and picoseconds, else ticks and zeros."""
        self.digits = 0
        self.names: list[str] = []
        self.whole = array("q")
        self._part = array("q")
        self._channel = array("H")
        self._number = array("q")
        self._flags = array("B")
        self._index: dict[str, int] = {}

    def add(self, kind: str, value: str, channel: str, number: int, flags: int) -> None:
        """One edge. Raises ValueError or OverflowError with what is wrong, and adds nothing."""
        whole, point, part = value.partition(".")
        if point and kind == "ticks":
            raise ValueError(f"{value!r} is not a whole number of ticks")
        if len(whole) > _MOST_DIGITS or not -_LARGEST < int(whole) < _LARGEST:
            raise OverflowError(f"{value[:24]!r} is not a number that a counter can have")
        if flags not in range(256) or number not in range(-1, 1 << 32):
            raise OverflowError(f"number {number}, flags {flags}: not what a board sends")
        index = self._index.get(channel)
        if index is None:
            if len(self.names) >= _MOST_CHANNELS:
                raise OverflowError(
                    f"channel {channel[:24]!r} is one more than the {_MOST_CHANNELS} there may be"
                )
            index = self._index[channel] = len(self.names)
            self.names.append(channel)
        if kind == "seconds":
            self.seconds = True
            self.digits = max(self.digits, len(part))
        self.whole.append(-1 if value.startswith("-") else int(whole))
        self._part.append(int(part[:12].ljust(12, "0")) if part else 0)
        self._channel.append(index)
        self._number.append(number)
        self._flags.append(flags)

    def ticks(self, tick_hz: int) -> Ticks:
        """All values as ticks, seconds rounded to the nearest; exact in 64 bits by going through millionths."""
        whole = np.frombuffer(self.whole, np.int64)
        if not self.seconds:
            return whole
        if int(whole.max()) >= _LARGEST // tick_hz:
            raise OverflowError(f"{whole.max()} s are more ticks of {tick_hz} Hz than a counter has")
        high, low = np.divmod(np.frombuffer(self._part, np.int64), 10**6)
        ticks, rest = np.divmod(high * tick_hz, 10**6)
        ticks += (rest * 10**6 + low * tick_hz + 5 * 10**11) // 10**12
        ticks += whole * tick_hz
        return ticks

    def of(self, index: int) -> tuple[npt.NDArray[np.bool_], Ticks, npt.NDArray[np.uint8]]:
        """Which rows are of a channel, their numbers and their flags."""
        chosen = np.frombuffer(self._channel, np.uint16) == index
        numbers, flags = np.frombuffer(self._number, np.int64), np.frombuffer(self._flags, np.uint8)
        return chosen, numbers[chosen], flags[chosen]


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
        if short.isdecimal() and len(short) < _MOST_DIGITS:
            # channels counted from 0, or, where there is none, the numbers of the protocol's roles
            index = int(short) - (0 if {"0", "ch0"} & {each.lower() for each in names} else 1)
            if 0 <= index < len(ROLES):
                return ROLES[index]
        raise DataError(
            f"{where}: channel {name[:24]!r}: say what it is with --map {name[:24]}=gps_pps"
            f" (or {', '.join(ROLES[1:])})"
        )


def _unwrapped(values: Ticks, bits: int) -> Ticks:
    """Channels may overtake each other a little: an eighth of a turn back counts as back. Raises OverflowError."""
    turn = 1 << bits
    if int(values.max()) + turn * values.size >= 1 << 63:
        raise OverflowError(f"a counter of {bits} bits cannot be unwrapped over {values.size} edges")
    steps = np.diff(values) % turn
    steps[steps >= turn - turn // 8] -= turn
    return np.concatenate([values[:1], values[0] + np.cumsum(steps)])


def _channels(
    columns: _Columns,
    all_ticks: Ticks,
    roles: list[str],
    tick_hz: int,
    rates_hz: Mapping[str, float],
    result: TextImport,
    where: str,
) -> dict[str, ImportedChannel]:
    if len(set(roles)) < len(roles):
        raise DataError(f"{where}: channels {', '.join(columns.names)} are not one role each: give --map")
    channels = {}
    for role in sorted(roles, key=ROLES.index):
        chosen, numbers, flags = columns.of(roles.index(role))
        ticks = all_ticks[chosen]
        steps = np.diff(ticks)
        back = np.flatnonzero(steps <= 0)
        if np.any(steps < 0):
            worst = int(np.argmax(steps < 0))
            raise DataError(
                f"{where}: {role} goes back from {ticks[worst]} to {ticks[worst + 1]} ticks:"
                " give --counter-bits 32 (or 16) if the counter wraps, else split the file there"
            )
        if back.size:
            result.bad_count += int(back.size)
            result.bad_lines.append(f"{back.size} edges of {role} repeated")
            new = np.concatenate([[True], steps > 0])
            ticks, numbers, flags = ticks[new], numbers[new], flags[new]
        channels[role] = ImportedChannel(
            ticks,
            rates_hz.get(role) or nominal_rate_hz(ticks, tick_hz),
            numbers if (numbers >= 0).all() else None,
            flags,
        )
    return channels


def _complain(result: TextImport, text: str) -> None:
    result.bad_count += 1
    if len(result.bad_lines) < _WORST_SHOWN:
        result.bad_lines.append(text)
