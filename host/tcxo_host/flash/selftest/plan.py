"""What the self-test does on a board, and where its wire goes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DataError, UsageError

__all__ = [
    "RING_ENTRIES",
    "WHOLE_EDGES_HZ",
    "Output",
    "Signal",
    "choose_channels",
    "output_of",
    "signals",
    "wire",
]

RING_ENTRIES = 256
"""Edges of a channel that the board keeps while its main loop does not turn (``app.py``)."""
WHOLE_EDGES_HZ = 1000
"""Edges a second, of all channels, up to which nothing may be lost while the loop turns."""

_TIMER_BITS = 16
_PAUSE_MS = 2000
_SWEEP = ((50, 4000, _PAUSE_MS), (200, 2000, _PAUSE_MS), (1000, 2000, 0), (2000, 1000, 0))  # Hz, ms, pause
_OWN_RATE_EDGES = 6


@dataclass(frozen=True, slots=True)
class Output:
    """Where the board puts its test signal out: ``board_config``'s ``selftest``."""

    pin: str
    timer: int
    channel: int


@dataclass(frozen=True, slots=True)
class Signal:
    """One step: edges at ``rate_hz`` for ``duration_ms``, with a pause of the main loop in the middle of it.

    ``prescaler`` and ``reload`` are the output timer's PSC and ARR; a counter wrap falls into the middle,
    ``before_wrap`` ticks after the start.
    """

    rate_hz: int
    prescaler: int
    reload: int
    duration_ms: int
    before_wrap: int
    pause_ms: int


def output_of(board: Mapping[str, Any]) -> Output:
    """The output that the board's data name. Raises DataError where they name none."""
    data = board.get("selftest")
    if board.get("clock"):
        raise DataError(
            f"{board.get('name', 'this board')} counts a clock from outside, and the self-test's signal follows the"
            " board's own crystal: no edge of it falls on a whole tick",
            f"test the board as it comes (tcxo-flash --board {board.get('variant_of', 'BOARD')}, then --selftest),"
            " then install this variant again",
        )
    if "selftest" in board and not data:
        raise DataError(
            f"there is no self-test for {board.get('name', 'this board')}: it has no USB port of its own to"
            " send the answer"
        )
    if not data:
        raise DataError(
            f"the board's own board_config.py ({board.get('name', 'no name')}) names no output for the self-test",
            "run tcxo-flash first; in a file of your own add what boards/*/board_config.py has as 'selftest'",
        )
    return Output(str(data["pin"]), int(data["timer"]), int(data["channel"]))


def choose_channels(board: Mapping[str, Any], wanted: str | None) -> tuple[int, ...]:
    """Ids of the channels that the wire goes to: ``wanted`` is ids or roles with commas between, or ``all``.

    None: the PWM's, else the first. Raises UsageError for a channel that the board has not switched on.
    """
    enabled = {channel["id"]: channel["role"] for channel in _enabled(board)}
    if wanted == "all":
        return tuple(enabled)
    if not wanted:
        return tuple(number for number, role in enabled.items() if role == "host_pwm") or tuple(enabled)[:1]
    by_name = {**{str(number): number for number in enabled}, **{role: n for n, role in enabled.items()}}
    chosen = []
    for name in wanted.split(","):
        if name.strip() not in by_name:
            known = ", ".join(f"{number} ({role})" for number, role in enabled.items())
            raise UsageError(f"--selftest: no channel {name.strip()!r}: the board has {known}, or say all")
        chosen.append(by_name[name.strip()])
    return tuple(sorted(set(chosen)))


def signals(board: Mapping[str, Any], channels: Sequence[int], tick_hz: int) -> list[Signal]:
    """The steps: the channels' own rates, then the sweep; a counter wrap in each.

    Raises DataError where the output timer cannot divide ``tick_hz`` to a rate.
    """
    own_hz = {c["rate_mhz"] // 1000 for c in _enabled(board) if c["id"] in channels and c["rate_mhz"] >= 1000}
    swept = {rate_hz for rate_hz, _, _ in _SWEEP}
    own = [(rate_hz, 1000 * _OWN_RATE_EDGES // rate_hz + 1000, 0) for rate_hz in sorted(own_hz - swept)]
    return [_signal(tick_hz, *step) for step in (*own, *_SWEEP)]


def _signal(tick_hz: int, rate_hz: int, duration_ms: int, pause_ms: int) -> Signal:
    divisor, rest = divmod(tick_hz, rate_hz)
    least = max(1, math.ceil(divisor / (1 << _TIMER_BITS)))
    steps = next((n for n in range(least, 1 << _TIMER_BITS) if divisor % n == 0), 0)
    if rest or not steps or divisor // steps < 2:
        raise DataError(f"no {rate_hz} Hz can be made of the board's {tick_hz} Hz by a 16-bit timer")
    before_wrap = tick_hz // 1000 * (duration_ms + pause_ms) // 2
    return Signal(rate_hz, steps - 1, divisor // steps - 1, duration_ms, before_wrap, pause_ms)


def wire(board: Mapping[str, Any], channels: Sequence[int]) -> str:
    """Where to put the jumper, as a sentence's end: ``from Y3 to X3 (host_pwm)``."""
    ends = [f"{c['pin']} ({c['role']})" for c in _enabled(board) if c["id"] in channels]
    joined = " and ".join([", ".join(ends[:-1]), ends[-1]] if len(ends) > 1 else ends)
    return f"from {output_of(board).pin} to {joined}"


def _enabled(board: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [channel for channel in board["channels"] if channel.get("enabled", True)]
