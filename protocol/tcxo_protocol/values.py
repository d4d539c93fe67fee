"""Records as Python values, and what can be wrong with one. Pure; ``records`` makes them from bytes."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import PROTOCOL_MAJOR, PROTOCOL_MINOR

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
]


class ProtocolError(ValueError):
    """Bytes that passed the frame's CRC but are not a valid record."""


class IdentityError(ProtocolError):
    """A board identifies itself, and this host cannot use that identity. The message names the remedy."""


class VersionMismatch(IdentityError):
    """The board speaks another major version of the protocol."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One capture channel of the board. ``rate_mhz``: nominal edges per second, in thousandths."""

    id: int
    role: int
    rate_mhz: int
    pin: str


@dataclass(frozen=True, slots=True)
class Identify:
    """Who the board is. ``boot_id`` is random per start; ``tick_hz`` is the nominal counter rate.

    ``firmware_crc32``: of the source of the firmware; None for a board that does not send it (protocol 1.0).
    """

    boot_id: int
    reset_cause: int
    tick_hz: int
    counter_bits: int
    firmware_version: str
    board: str
    micropython_version: str
    channels: tuple[Channel, ...]
    protocol_major: int = PROTOCOL_MAJOR
    protocol_minor: int = PROTOCOL_MINOR
    firmware_crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    """Consecutive edges of one channel.

    ``number`` is the running number of the first edge since the board's start (modulo 2**32, lost edges
    are counted too), ``ticks`` the 64-bit extended counter at every edge, ``flags`` an ``EdgeFlag`` set
    that speaks of the first edge.
    """

    channel: int
    flags: int
    number: int
    ticks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChannelCounts:
    """Counters of one channel since the board's start, modulo 2**32."""

    id: int
    edges: int
    overcaptures: int
    ring_drops: int


@dataclass(frozen=True, slots=True)
class Status:
    """The board's health, once a second. ``None`` where the board has no such sensor."""

    uptime_s: int
    tick: int
    frames_sent: int
    frames_dropped: int
    mcu_c: float | None
    external_c: float | None
    supply_v: float | None
    channels: tuple[ChannelCounts, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A line for people."""

    text: str


Record = Identify | Edges | Status | Text
