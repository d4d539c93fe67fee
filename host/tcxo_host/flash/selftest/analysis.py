"""From what a board sent during its self-test to findings, each with a name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tcxo_protocol.spec import EdgeFlag

from .finding import FAILED, NO_WIRE, OK, WARNING, Finding, count_finding
from .health import frames, main_loop, sensors, tick_order
from .periods import Periods, examine
from .plan import RING_ENTRIES, WHOLE_EDGES_HZ
from .recording import Capture, Recording, Step

__all__ = ["analyse"]

_FILLED = 0.8  # of the ring, from where on a pause may cost edges
_LATENCY_TICKS = (
    64  # from the timer's event over pad, wire and input filter to the capture; far below a period
)


def analyse(recording: Recording, channels: Sequence[int], tick_hz: int) -> list[Finding]:
    """Every check over a whole test whose wire goes to ``channels``. ``tick_hz``: what the board's data promise."""
    if recording.is_cut_off:
        return [main_loop(recording)]
    wire = _wire(recording, channels, tick_hz)
    if wire.level != OK:
        return [wire]
    periods = _periods(recording, channels, tick_hz)
    return [
        wire,
        *_signal(recording, periods, len(channels), tick_hz),
        _wraps(recording, periods),
        tick_order(recording.statuses),
        main_loop(recording),
        _losses(recording, channels),
        _overcapture(recording, channels),
        frames(recording),
        *sensors(recording.statuses),
    ]


def _pin(recording: Recording, channel: int) -> str:
    named = {c.id: c.pin for c in recording.identify.channels} if recording.identify else {}
    return f"{named.get(channel, 'no pin')} (channel {channel})"


def _wire(recording: Recording, channels: Sequence[int], tick_hz: int) -> Finding:
    quiet = recording.quiet
    if quiet is not None and quiet.is_high:
        return Finding(
            NO_WIRE, FAILED, "something drives the wire: take all else off it; nothing was driven against it"
        )
    noisy = [number for number in channels if quiet is not None and quiet.edges.get(number)]
    if quiet is not None and noisy:
        told = ", ".join(f"{_pin(recording, n)} saw {quiet.edges[n]} edges" for n in noisy)
        return Finding(
            NO_WIRE,
            FAILED,
            f"{told} before the signal began: take all else off these inputs; where nothing is, the jumper is"
            " missing (an open input picks up hum)",
        )
    if not recording.steps:
        return Finding(NO_WIRE, FAILED, "the board ended the test before it began")
    silent = [number for number in channels if not _carries(recording, number, tick_hz)]
    if not silent:
        return Finding(NO_WIRE, OK, "the signal is at " + ", ".join(_pin(recording, n) for n in channels))
    missing = ", ".join(_pin(recording, number) for number in silent)
    others = [n for n in recording.steps[0].numbers if n not in channels and _carries(recording, n, tick_hz)]
    if others:
        there = ", ".join(_pin(recording, number) for number in others)
        return Finding(NO_WIRE, FAILED, f"the jumper is on the wrong input: on {there}, not on {missing}")
    return Finding(NO_WIRE, FAILED, f"the jumper is missing: no signal at {missing}")


def _carries(recording: Recording, channel: int, tick_hz: int) -> bool:
    """Whether edges came that are the test's, right or wrong: all but none and hum."""
    capture = recording.capture(channel)
    for step in recording.steps:
        edges = capture.between(*step.range_of(channel))
        if len(edges.ticks) > 1 and not examine(edges, tick_hz // step.rate_hz).is_foreign:
            return True
    return False


def _periods(recording: Recording, channels: Sequence[int], tick_hz: int) -> dict[int, Periods]:
    """Of each rate, all channels together; an edge missing at a step's begin or end is one that was lost."""
    found: dict[int, Periods] = {}
    for channel in channels:
        capture = recording.capture(channel)
        for step in recording.steps:
            period = tick_hz // step.rate_hz
            edges = capture.between(*step.range_of(channel))
            there = examine(edges, period)
            if there.clock_ppm is None and not (there.wraps_added or there.wraps_missed or there.is_foreign):
                there += Periods(lost=_missing_at_ends(step, step.range_of(channel), edges, period))
            found[step.rate_hz] = found.get(step.rate_hz, Periods()) + there
    return found


def _missing_at_ends(step: Step, numbers: tuple[int, int], edges: Capture, period: int) -> int:
    """Periods without an edge between the signal's start and the first, and between the last and its end.

    The first comes within a period of the start, the last within one before the end; where those were counted and not
    sent, their place follows from the others'.
    """
    if len(edges.ticks) == 0:
        return max(0, (step.until_tick - step.from_tick) // period - (numbers[1] - numbers[0]))
    first = int(edges.ticks[0]) - (int(edges.numbers[0]) - numbers[0]) * period
    last = int(edges.ticks[-1]) + (numbers[1] - 1 - int(edges.numbers[-1])) * period
    before = (first - step.from_tick - _LATENCY_TICKS) // period
    after = (step.until_tick - last - _LATENCY_TICKS) // period
    return max(0, before) + max(0, after)


def _signal(recording: Recording, by_rate: dict[int, Periods], joined: int, tick_hz: int) -> list[Finding]:
    total = sum(by_rate.values(), Periods())
    rates = ", ".join(str(rate_hz) for rate_hz in by_rate)
    findings = [_clock(recording, total, tick_hz)]
    figures = f"{total.exact} of {total.count} exact to the tick, {rates} Hz"
    if joined > 1:
        figures += f", {joined} channels"
    wrong = {
        "displaced edges": total.displaced,
        "slips of the counter": total.slips,
        "edges a tick to and fro": total.sampled,
    }
    told_wrong = "".join(f"; {count} {name}" for name, count in wrong.items() if count)
    if total.exact == total.count and total.count:
        level = OK
    elif total.exact + 2 * total.sampled >= total.count and total.sampled:
        level = WARNING
        told_wrong += ": they come just as the input samples; a longer wire moves them"
    else:
        level = FAILED
    if total.is_foreign:
        told_wrong += "; at some rates the edges were not the test's"
    findings.append(Finding("periods", level, figures + told_wrong))
    findings.append(
        count_finding(
            "lost edges", total.lost, "no edge is missing", "edges are missing and were not counted"
        )
    )
    findings.append(count_finding("doubled edges", total.doubled, "no edge came twice", "edges came twice"))
    return findings


def _clock(recording: Recording, total: Periods, tick_hz: int) -> Finding:
    counted_hz = recording.identify.tick_hz if recording.identify else tick_hz
    if total.clock_ppm is not None:
        return Finding(
            "clock", FAILED, f"wrong clock: the signal's periods are {total.clock_ppm:+.3f} ppm off"
        )
    if counted_hz != tick_hz:
        return Finding(
            "clock", FAILED, f"wrong clock: the board counts {counted_hz} Hz, its data say {tick_hz}"
        )
    return Finding("clock", OK, f"signal and counter run on one clock, {tick_hz / 1e6:g} MHz")


def _wraps(recording: Recording, by_rate: dict[int, Periods]) -> Finding:
    total = sum(by_rate.values(), Periods())
    first, last = recording.steps[0].from_tick >> 32, recording.steps[-1].until_tick >> 32
    if total.wraps_added:
        return Finding(
            "wraps", FAILED, f"a wrap counted twice: {total.wraps_added} periods are 2^32 ticks too long"
        )
    if total.wraps_missed or last < first:
        return Finding(
            "wraps", FAILED, f"a wrap not counted: {total.wraps_missed} periods are 2^32 ticks too short"
        )
    return Finding("wraps", OK, f"the counter wrapped {last - first} times while edges came")


def _losses(recording: Recording, channels: Sequence[int]) -> Finding:
    """What is missing from the edges' numbers must be what the board counted, flagged where it is missing."""
    last = {counts.id: counts for counts in recording.statuses[-1].channels} if recording.statuses else {}
    lost = counted = unflagged = needless = 0
    for channel in channels:
        capture = recording.capture(channel)
        numbers = np.concatenate(([-1], capture.numbers))
        gaps = np.diff(numbers) - 1
        lost += int(np.sum(gaps))
        if channel in last:
            counted += last[channel].ring_drops
            lost += max(0, last[channel].edges - 1 - int(numbers[-1]))
        unflagged += int(np.sum((gaps > 0) & (capture.flags & EdgeFlag.OVERFLOW == 0)))
        for step in recording.steps:
            first, end = step.range_of(channel)
            missing = end - first - len(capture.between(first, end).ticks)
            needless += missing if _must_be_whole(step, len(channels)) else 0
    if lost != counted:
        return Finding(
            "losses", FAILED, f"counted wrong: {lost} edges did not come, the board counted {counted}"
        )
    if unflagged:
        return Finding("losses", FAILED, f"{unflagged} gaps do not say that edges are missing")
    if needless:
        return Finding("losses", FAILED, f"{needless} edges lost where there was room for all")
    return Finding("losses", OK, f"{lost} lost in pauses or above {WHOLE_EDGES_HZ} Hz, all counted")


def _must_be_whole(step: Step, channels: int) -> bool:
    waiting = step.rate_hz * (step.pause_ms / 1000)
    return waiting <= _FILLED * RING_ENTRIES and step.rate_hz * channels <= WHOLE_EDGES_HZ


def _overcapture(recording: Recording, channels: Sequence[int]) -> Finding:
    last = recording.statuses[-1].channels if recording.statuses else ()
    count = sum(each.overcaptures for each in last if each.id in channels)
    rate_hz = max(step.rate_hz for step in recording.steps)
    return count_finding(
        "overcapture",
        count,
        f"none up to {rate_hz} Hz",
        f"overcaptures, though no rate was above {rate_hz} Hz",
    )
