"""Edges from anywhere as what a board would have sent: identify, edges, a status a second. Pure.

So imported data takes the same path as a board's through replay, statistics and plots.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tcxo_protocol.capture_file import CLOCK, Entry, EntryKind
from tcxo_protocol.records import Channel, ChannelCounts, Edges, Identify, Status, build_record
from tcxo_protocol.spec import Role, struct_of

from ...errors import DataError

__all__ = ["Imported", "ImportedChannel", "nominal_rate_hz", "odd_rates", "refuse_unfit", "synthesise"]


Ticks = npt.NDArray[np.int64]

HOST_START_NS = 1_000_000_000_000
RECORD_EDGES = 200
"""Edges in one record: four bytes each, and a record must fit a frame."""
FAR = 0.01
"""No signal is so far from its nominal rate: rather the counter's rate or the role is wrong."""
SILENCE_S = 600
"""A longer time without any edge is skipped rather than filled with empty seconds."""
FILLED_S, SHORT_SILENCE_S = 86_400, 10
"""Seconds filled in all, and one more for each edge; from then on only shorter silences are: a line of a few
bytes must not become ten minutes of records."""

LONGEST_S = (1 << 32) - 2
"""A board's up time has 32 bits."""
LATEST_UTC_S = 1 << 32
"""The year 2106: nanoseconds since 1970 have 63 bits."""

_CLOCK = struct_of(CLOCK)


@dataclass(frozen=True, slots=True)
class ImportedChannel:
    """One role's edges, strictly increasing. ``numbers`` and ``flags`` where the source knows them."""

    ticks: Ticks
    rate_hz: float
    numbers: Ticks | None = None
    flags: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What one board's start, or another counter, has measured. ``start_utc_ns``: UTC at tick zero."""

    channels: Mapping[str, ImportedChannel]
    tick_hz: int
    board: str = "imported"
    boot_id: int | None = None
    start_utc_ns: int = 0
    temperature: tuple[Ticks, npt.NDArray[np.float64]] | None = field(default=None)
    """Ticks and board temperature (°C, NaN where absent), where known."""


def nominal_rate_hz(ticks: Ticks, tick_hz: int) -> float:
    """The rate a signal is meant to have: whole hertz, or a whole number of seconds a period.

    From the median interval, so missed edges do not matter. 1.0 for fewer than two edges.
    """
    if ticks.size < 2:
        return 1.0
    measured, nearest = _rates_hz(ticks, tick_hz)
    # a signal at an odd rate keeps it, in the thousandths that the protocol has
    return nearest if abs(measured / nearest - 1) < 2e-3 else round(measured, 3)


def _rates_hz(ticks: Ticks, tick_hz: int) -> tuple[float, float]:
    """As measured, and the nearest that a signal may be meant to have."""
    measured = tick_hz / float(np.median(np.diff(ticks)))
    return measured, float(round(measured)) if measured > 0.75 else 1.0 / round(1.0 / measured)


def odd_rates(imported: Imported, given_hz: Mapping[str, float]) -> str:
    """The channels whose rate is far from that of their role, in words; empty when there are none.

    A PPS has 1 Hz; the PWM has what is given or, like any other signal, a nominal rate.
    """
    odd = []
    for role, channel in imported.channels.items():
        if channel.ticks.size < 2:
            continue
        measured, nearest = _rates_hz(channel.ticks, imported.tick_hz)
        meant = 1.0 if role.endswith("_pps") else given_hz.get(role, nearest)
        if abs(measured / meant - 1) > FAR:
            odd.append(f"{role} has {measured:.3f} Hz instead of {meant:g}")
    return ", ".join(odd)


def refuse_unfit(imported: Imported, where: str) -> None:
    """Raises DataError for what no board could have sent, so that no capture can hold it."""
    for role, channel in imported.channels.items():
        if role.upper() not in Role.__members__:
            raise DataError(f"{where}: {role!r} is not a channel of a board")
        if not 1 <= round(channel.rate_hz * 1000) < 1 << 32:
            raise DataError(
                f"{where}: {role} has {channel.rate_hz:g} Hz, a capture holds 0.001 to 4294967:"
                " is the counter's rate right? Else leave the channel out"
            )
        sizes = {each.size for each in (channel.ticks, channel.numbers, channel.flags) if each is not None}
        if len(sizes) > 1 or (np.diff(channel.ticks) <= 0).any():
            raise DataError(f"{where}: the ticks of {role} do not increase")
    if not 0 < imported.tick_hz < 1 << 32:
        raise DataError(f"{where}: a counter of {imported.tick_hz} Hz is not one that a board has")
    ends = [
        int(tick) for each in imported.channels.values() if each.ticks.size for tick in each.ticks[[0, -1]]
    ]
    span_s = (max(ends) - min(ends)) // imported.tick_hz if ends else 0
    utc_s = imported.start_utc_ns // 1_000_000_000 + max(ends, default=0) // imported.tick_hz
    if min(ends, default=0) < 0 or max(ends, default=0) >= 1 << 62:
        raise DataError(f"{where}: ticks from {min(ends)} to {max(ends)} are not those of a counter")
    if span_s > LONGEST_S or not 0 <= utc_s < LATEST_UTC_S:
        raise DataError(
            f"{where}: {span_s} s of edges that end {utc_s} s after 1970 are more than a capture holds:"
            " is the counter's rate right, and --start?"
        )


def synthesise(imported: Imported) -> Iterator[Entry]:
    """The capture of a board that measured this, its seconds closed at whole seconds of its counter."""
    roles = [role for role in imported.channels if imported.channels[role].ticks.size]
    if not roles:
        return
    tick_hz = imported.tick_hz
    first = min(int(imported.channels[role].ticks[0]) for role in roles) // tick_hz
    last = max(int(imported.channels[role].ticks[-1]) for role in roles) // tick_hz
    utc_ns = imported.start_utc_ns + first * 1_000_000_000
    yield Entry(EntryKind.CLOCK, HOST_START_NS, _CLOCK.pack(HOST_START_NS, utc_ns))
    identify = build_record(_identify(imported, roles))
    cutters = {role: _Cutter(index, imported.channels[role]) for index, role in enumerate(roles)}
    second, due = first, True
    filled_s, most_filled_s = 0, FILLED_S + sum(imported.channels[role].ticks.size for role in roles)
    while second <= last:
        end = (second + 1) * tick_hz
        host_ns = HOST_START_NS + (second + 1 - first) * 1_000_000_000
        if due:
            yield Entry(EntryKind.FRAME, host_ns, identify)
            due = False
        for cutter in cutters.values():
            for record in cutter.until(end):
                yield Entry(EntryKind.FRAME, host_ns, build_record(record))
        yield Entry(
            EntryKind.FRAME, host_ns, build_record(_status(imported, second + 1 - first, end, cutters))
        )
        second += 1
        upcoming = [tick for each in cutters.values() if (tick := each.next_tick()) is not None]
        following = min(upcoming, default=None)
        if following is not None:
            silence_s = following // tick_hz - second
            filled_s += silence_s
            if silence_s > (SILENCE_S if filled_s < most_filled_s else SHORT_SILENCE_S):
                filled_s -= silence_s
                second, due = following // tick_hz, True


class _Cutter:
    """Takes one channel's edges off in records."""

    def __init__(self, channel_id: int, channel: ImportedChannel) -> None:
        self.id = channel_id
        self._ticks = channel.ticks
        numbers = np.arange(channel.ticks.size) if channel.numbers is None else channel.numbers
        self._numbers = numbers
        self._flags = channel.flags
        breaks = (np.diff(numbers) != 1) | (np.diff(channel.ticks) > 0xFFFFFFFF)
        if channel.flags is not None:
            breaks |= channel.flags[1:] != 0
        self._breaks = np.flatnonzero(breaks) + 1
        self.position = 0

    def next_tick(self) -> int | None:
        return int(self._ticks[self.position]) if self.position < self._ticks.size else None

    def until(self, tick: int) -> Iterator[Edges]:
        end = int(np.searchsorted(self._ticks, tick))
        while self.position < end:
            start = self.position
            stop = min(end, start + RECORD_EDGES)
            index = int(np.searchsorted(self._breaks, start, "right"))
            if index < self._breaks.size:
                stop = min(stop, int(self._breaks[index]))
            flags = 0 if self._flags is None else int(self._flags[start])
            number = int(self._numbers[start]) & 0xFFFFFFFF
            self.position = stop
            yield Edges(self.id, flags, number, tuple(self._ticks[start:stop].tolist()))


def _identify(imported: Imported, roles: list[str]) -> Identify:
    channels = []
    for index, role in enumerate(roles):
        rate_mhz = round(imported.channels[role].rate_hz * 1000)
        channels.append(Channel(index, Role[role.upper()], rate_mhz, ""))
    boot_id = imported.boot_id
    if boot_id is None:
        boot_id = crc32(b"".join(imported.channels[role].ticks[:1000].tobytes() for role in roles))
    return Identify(boot_id, 0, imported.tick_hz, 64, "", imported.board, "", tuple(channels))


def _status(imported: Imported, uptime_s: int, tick: int, cutters: Mapping[str, _Cutter]) -> Status:
    counts = tuple(ChannelCounts(each.id, each.position, 0, 0) for each in cutters.values())
    celsius = None
    if imported.temperature is not None:
        ticks, values = imported.temperature
        at = int(np.searchsorted(ticks, tick, "right")) - 1
        if at >= 0 and not np.isnan(values[at]):
            celsius = float(values[at])
    return Status(uptime_s, tick, 0, 0, celsius, None, None, counts)
