"""What the self-test asks about the board itself: main loop, line, sensors. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from tcxo_protocol.records import Status

from .finding import FAILED, OK, WARNING, Finding
from .recording import Recording

__all__ = ["frames", "main_loop", "sensors", "tick_order"]

_LATE_S = 1  # a status record may come that much later than a pause of the main loop alone explains
_SUPPLY_V = (2.9, 3.6)
_MCU_C = (-20.0, 85.0)
_EXTERNAL_C = (-40.0, 100.0)


def tick_order(statuses: Sequence[Status]) -> Finding:
    """The counter in the status records never goes back."""
    ticks = [status.tick for status in statuses]
    back = sum(after < before for before, after in itertools.pairwise(ticks))
    if back:
        return Finding("status tick", FAILED, f"went back {back} times in {len(ticks)} status records")
    return Finding("status tick", OK if ticks else FAILED, f"never went back in {len(ticks)} status records")


def main_loop(recording: Recording) -> Finding:
    """It paused as long as it was told to, and no longer; the board did not restart."""
    if recording.is_cut_off:
        return Finding(
            "main loop", FAILED, "the board restarted in the middle of the test (watchdog, crash or supply)"
        )
    uptimes = [status.uptime_s for status in recording.statuses]
    longest_s = max((after - before for before, after in itertools.pairwise(uptimes)), default=0)
    asked_s = max((step.pause_ms for step in recording.steps), default=0) / 1000
    told = f"longest silence {longest_s} s, with pauses of {asked_s:g} s asked for"
    if longest_s > asked_s + _LATE_S + 1:
        return Finding("main loop", FAILED, f"stood still for too long: {told}")
    if longest_s < asked_s - _LATE_S:
        return Finding("main loop", FAILED, f"did not pause: {told}")
    return Finding("main loop", OK, told)


def frames(recording: Recording) -> Finding:
    """CRC and sequence numbers of the serial line."""
    line = recording.line
    told = f"{line.frames} came, {line.bad_frames} with a wrong CRC, {line.lost_frames} missing in sequence"
    return Finding("frames", FAILED if line.bad_frames or line.lost_frames or not line.frames else OK, told)


def sensors(statuses: Sequence[Status]) -> list[Finding]:
    """Temperatures and supply are what a board on a bench can have."""
    findings = []
    sensors: tuple[tuple[str, Callable[[Status], float | None], tuple[float, float], str], ...] = (
        ("temperature", lambda status: status.mcu_c, _MCU_C, "°C"),
        ("external", lambda status: status.external_c, _EXTERNAL_C, "°C"),
        ("supply", lambda status: status.supply_v, _SUPPLY_V, "V"),
    )
    for name, read, (low, high), unit in sensors:
        values = [value for value in map(read, statuses) if value is not None]
        if not values:
            if name != "external":  # a TMP36 is an extra
                findings.append(Finding(name, WARNING, "not measured by this board"))
            continue
        is_good = all(low <= value <= high for value in values)
        told = f"{min(values):.2f} to {max(values):.2f} {unit}"
        beyond = "" if is_good else f", beyond {low:g} to {high:g} {unit}"
        findings.append(Finding(name, OK if is_good else FAILED, told + beyond))
    return findings
