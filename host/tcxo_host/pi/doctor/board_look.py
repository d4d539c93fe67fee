"""A short look at the board: who it is, and which edges arrive. From its link or from a running daemon."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tcxo_protocol.records import (
    Edges,
    Identify,
    IdentityError,
    ProtocolError,
    Record,
    Status,
    parse_payload,
)
from tcxo_protocol.spec import role_name

from ...errors import TcxoError
from ...link.interface import Link
from ...link.session import Session

__all__ = ["BoardLook", "ChannelLook", "look_at_board", "look_at_status"]

LOOK_S = 3.0


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """One channel. ``rate_hz``: measured by the board's own clock, None while it is not known."""

    role: str
    pin: str
    nominal_hz: float
    edges: int
    rate_hz: float | None
    overcaptures: int = 0


@dataclass(frozen=True, slots=True)
class BoardLook:
    """``source``: where the knowledge comes from. ``problem``: one sentence with its remedy, or empty."""

    source: str
    board: str = ""
    firmware: str = ""
    protocol: str = ""
    channels: Mapping[str, ChannelLook] = field(default_factory=dict)
    problem: str = ""
    remedy: str = ""
    state: str = ""
    """What a running daemon says of itself, with its reason; empty when none was asked."""


def look_at_board(
    url: str,
    open_link: Callable[[str], Link],
    seconds: float = LOOK_S,
    clock: Callable[[], float] = time.monotonic,
) -> BoardLook:
    """Open the link, ask for identify, count edges for ``seconds``. Never raises for a sick board."""
    identify: Identify | None = None
    ticks: dict[int, list[int]] = {}
    status: Status | None = None
    heard = False
    try:
        link = open_link(url)
    except TcxoError as error:
        return BoardLook(url, problem=error.problem, remedy=error.remedy)
    try:
        start = clock()
        session = Session(link, clock)
        while clock() - start < seconds or (identify is None and clock() - start < 2 * seconds):
            session.ask_again(identify is None)
            for received in session.read(0.2):
                heard = True
                for record in _records(received.payload):
                    if isinstance(record, Identify):
                        identify = record
                    elif isinstance(record, Status):
                        status = record
                    elif isinstance(record, Edges):
                        ticks.setdefault(record.channel, []).extend(record.ticks)
    except (TcxoError, IdentityError) as error:
        return BoardLook(url, problem=str(error), remedy="tcxo-flash, or plug the board in again")
    finally:
        link.close()
    if identify is None:
        what = "sends, but does not say who it is" if heard else "says nothing"
        return BoardLook(
            url,
            problem=f"{url} is open, but the board {what}",
            remedy="flash the firmware (tcxo-flash), and check that link.url names the board",
        )
    return _summary(url, identify, ticks, status)


def _records(payload: bytes) -> list[Record]:
    """A frame's records; none of one that is not sound. Raises IdentityError."""
    try:
        return parse_payload(payload)
    except IdentityError:
        raise
    except ProtocolError:
        return []


def look_at_status(status: Mapping[str, Any], path: str) -> BoardLook | None:
    """The same from a running daemon's status file; None when that file knows of no board."""
    board = status.get("board")
    if not board:
        return None
    pins = {role_name(each["role"]): each["pin"] for each in board.get("channels", [])}
    channels = {}
    for role, values in status.get("channels", {}).items():
        age_s = values.get("age_s")
        alive = age_s is not None and age_s < 2 + 2 / max(values["rate_hz"], 0.1)
        channels[role] = ChannelLook(
            role,
            pins.get(role, ""),
            values["rate_hz"],
            values["edges"] if alive else 0,
            values.get("seen_hz") if alive else None,
            values.get("overcaptures", 0),
        )
    protocol = f"{board['protocol_major']}.{board['protocol_minor']}"
    state = ": ".join(filter(None, (status.get("state", ""), status.get("reason", ""))))
    return BoardLook(path, board["board"], board["firmware_version"], protocol, channels, state=state)


def _summary(url: str, who: Identify, ticks: Mapping[int, list[int]], status: Status | None) -> BoardLook:
    overcaptures = {each.id: each.overcaptures for each in status.channels} if status else {}
    channels = {}
    for channel in who.channels:
        seen = ticks.get(channel.id, [])
        span = seen[-1] - seen[0] if len(seen) > 1 else 0
        role = role_name(channel.role)
        channels[role] = ChannelLook(
            role,
            channel.pin,
            channel.rate_mhz / 1000,
            len(seen),
            (len(seen) - 1) * who.tick_hz / span if span > 0 else None,
            overcaptures.get(channel.id, 0),
        )
    protocol = f"{who.protocol_major}.{who.protocol_minor}"
    return BoardLook(url, who.board, who.firmware_version, protocol, channels)
