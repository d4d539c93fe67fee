"""What a scenario's faults do to a second's edges, and which events the caller must carry out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .oscillators import Floats
from .scenario import Fault

__all__ = ["Event", "apply_faults", "events_of", "touches"]

Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Event:
    """Something the caller carries out: ``reboot``, ``unplug`` or ``noise``; see ``scenario.Fault``."""

    kind: str
    at_s: float
    duration_s: float
    bytes: int


def events_of(faults: Sequence[Fault], second: int) -> tuple[Event, ...]:
    """The events that start in the second [``second``, ``second`` + 1)."""
    return tuple(
        Event(fault.kind, at_s, fault.duration_s, fault.bytes)
        for fault in faults
        if fault.kind in ("reboot", "unplug", "noise")
        for at_s in _starts(fault, second, second + 1)
    )


def touches(fault: Fault, role: str, second: int) -> bool:
    """Whether ``fault`` may change the edges of ``role`` in this second."""
    if fault.role not in ("", role) or second + 1 <= fault.at_s:
        return False
    if fault.kind in ("glitch", "extra"):
        return any(True for _ in _starts(fault, second, second + 1))
    return fault.kind in ("dropout", "outage", "shift", "jitter")


def apply_faults(
    faults: Sequence[Fault],
    times_s: Floats,
    ticks: Ticks,
    tick_hz: int,
    rng: np.random.Generator,
) -> Ticks:
    """The edges of one channel in one second as they reach the capture pin.

    ``times_s`` are the edges' true times. Only pass faults that touch the channel.
    """
    keep = np.ones(len(ticks), dtype=bool)
    moved = ticks.copy()
    extra: list[int] = []
    for fault in faults:
        if fault.kind in ("dropout", "outage"):
            draw = rng.random(len(ticks))
            hit = _active(fault, times_s)
            keep &= ~(hit & (draw < fault.probability))
            continue
        shift = round(fault.shift_us * 1e-6 * tick_hz)
        if fault.kind in ("shift", "jitter"):
            moved += _moved(fault, times_s, tick_hz, rng)
            continue
        if len(times_s) == 0:
            continue
        for at_s in _starts(fault, float(np.floor(times_s[0])), float(np.floor(times_s[0])) + 1.0):
            k = min(int(np.searchsorted(times_s, at_s)), len(ticks) - 1)
            if fault.kind == "glitch":
                moved[k] += shift
            else:
                extra.append(int(ticks[k]) + shift)
    result = np.concatenate([moved[keep], np.array(extra, dtype=np.int64)])
    return np.unique(result)


def _moved(fault: Fault, times_s: Floats, tick_hz: int, rng: np.random.Generator) -> Ticks:
    """By how many ticks a ``shift`` or a ``jitter`` makes each edge late."""
    ticks = fault.shift_us * 1e-6 * tick_hz
    if fault.kind == "shift":
        since = times_s - fault.at_s
        started = np.floor(since / fault.every_s) + 1.0 if fault.every_s > 0 else 1.0
        late = np.where(since >= 0, started, 0.0) * ticks
    else:
        draws = rng.standard_normal(len(times_s))
        late = np.where(_active(fault, times_s), draws, 0.0) * ticks
    return np.rint(late).astype(np.int64)


def _active(fault: Fault, times_s: Floats) -> npt.NDArray[np.bool_]:
    since = times_s - fault.at_s
    started = since >= 0
    if fault.every_s > 0:
        since = since % fault.every_s
    if fault.duration_s > 0:
        return started & (since < fault.duration_s)
    return started


def _starts(fault: Fault, start_s: float, end_s: float) -> Iterator[float]:
    """The starts of ``fault`` in [``start_s``, ``end_s``)."""
    at_s = fault.at_s
    if fault.every_s > 0 and start_s > at_s:
        at_s += np.ceil((start_s - at_s) / fault.every_s) * fault.every_s
    while at_s < end_s:
        if at_s >= start_s:
            yield float(at_s)
        if fault.every_s <= 0:
            return
        at_s += fault.every_s
