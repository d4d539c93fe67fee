"""A capture through the daemon's own pipeline: the same rows as live. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tcxo_protocol.capture_file import Entry, EntryKind, parse_clock

from ...daemon.pipeline import Event, Pipeline, Row

__all__ = ["CSV_HEADER", "UtcClock", "csv_row", "replay"]

CSV_HEADER = "time_s,state,published_ppm,freq_error_ppm,sigma_ppm,tcxo_ppm,rtc_ppm"


class UtcClock:
    """UTC of the recording host from the clock entries seen so far."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None

    def take(self, entry: Entry) -> None:
        """Learn from a CLOCK entry; others are ignored."""
        if entry.kind == EntryKind.CLOCK:
            host_ns, realtime_ns = parse_clock(entry.body)
            self._offset_ns = realtime_ns - host_ns

    def utc_s(self, host_ns: int) -> float:
        """Seconds since 1970; host seconds while no clock entry has come."""
        return (host_ns + (self._offset_ns or 0)) / 1e9


def replay(entries: Iterable[Entry], pipeline: Pipeline, clock: UtcClock | None = None) -> Iterator[Event]:
    """Every event the daemon would have seen. ``clock`` is kept up with the entries."""
    for entry in entries:
        if entry.kind == EntryKind.FRAME:
            yield from pipeline.feed(entry.host_ns, entry.body)
        elif entry.kind == EntryKind.LINK_OPENED:
            pipeline.link_opened()
        elif clock is not None:
            clock.take(entry)


def csv_row(row: Row) -> str:
    """One line under ``CSV_HEADER``, six decimals as in the file for chrony; empty where unknown."""
    estimate = row.estimate
    numbers = (
        row.published_ppm,
        estimate.freq_error_ppm,
        estimate.sigma_ppm,
        estimate.tcxo_ppm,
        estimate.rtc_ppm,
    )
    shown = ",".join("" if number is None else f"{number:.6f}" for number in numbers)
    return f"{row.time_s:.6f},{row.state},{shown}"
