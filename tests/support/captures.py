"""Small captures for tests, written by the project's own writer."""

from __future__ import annotations

from tcxo_host.capture.writer import CaptureWriter
from tcxo_protocol.records import build_record

from support.streams import PerfectBoard, identify

START_NS = 1_000_000_000_000
UTC_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, at host time zero."""


def utc_of(host_ns):
    return UTC_NS + host_ns - START_NS


def frames(seconds, board=None, boot_id=1, start_s=0.0):
    """``(host_ns, payload)`` of a board's first seconds, identified first."""
    board = board or PerfectBoard(tcxo_ppm=1.0, pi_ppm=0.3, rtc_ppm=-2.0)
    yield START_NS + round(start_s * 1e9), build_record(identify(boot_id))
    for n, payload in enumerate(board.payloads(seconds), 1):
        yield START_NS + round((start_s + n) * 1e9) + 3_000_000, payload


def write_capture(path, seconds=20, rotate_s=None, **options):
    """The capture of a perfect board; the writer, closed."""
    writer = CaptureWriter(path, rotate_s, utc_of=utc_of)
    writer.link_opened(START_NS - 1000)
    for host_ns, payload in frames(seconds, **options):
        writer.write(host_ns, payload)
    writer.close()
    return writer
