"""``tcxo-dump record``: what a board sends, into a capture file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from .common import Stop, add_command, complain, period_s, positive_s

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump record --link serial:/dev/ttyACM0 -o bench.tcxocap.gz --seconds 3600
  tcxo-dump record -o /var/lib/tcxo/ --rotate 1d --keep 30
"""


def add_parser(subparsers: Any) -> None:
    """Add ``record``."""
    parser = add_command(subparsers, "record", "write what a board sends into a capture file", EXAMPLE)
    parser.add_argument("--link", metavar="URL", default="serial:/dev/ttyACM0", help="default: %(default)s")
    parser.add_argument("--baud", type=int, default=115200, help="line rate of a UART (USB ignores it)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="tcxo.tcxocap",
        help="file (.gz or .zst compresses), directory, or - (default: %(default)s)",
    )
    parser.add_argument(
        "--rotate", metavar="PERIOD", type=period_s, help="a new file each 10m, 1h, 1d... of UTC"
    )
    parser.add_argument(
        "--keep", type=int, default=0, metavar="N", help="in a directory, keep the N newest files"
    )
    parser.add_argument(
        "--seconds", type=positive_s, metavar="N", help="stop after N seconds (default: when told)"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Record until told to stop."""
    from tcxo_protocol.capture_file import EntryKind

    from ...capture.live import live_entries
    from ...capture.writer import CaptureWriter
    from ..progress import Progress

    stop = Stop().listen()
    writer = CaptureWriter(args.output, args.rotate, keep=args.keep, host=os.uname().nodename)
    frames = 0
    start = time.monotonic()
    live = live_entries(args.link, baud=args.baud, seconds=args.seconds, stopping=stop, complain=complain)
    progress = Progress("record")
    try:
        for entry in live:
            progress.advance(time.monotonic() - start, args.seconds)
            if entry.kind == EntryKind.FRAME:
                writer.write(entry.host_ns, entry.body)
                frames += 1
            else:
                writer.entry(entry.kind, entry.host_ns, entry.body)
    finally:
        progress.stop()
        writer.close()
    if frames == 0:
        complain(
            f"{args.link}: the board has sent nothing: is its firmware running? (tcxo-flash installs it)"
        )
    print(f"{frames} frames, {writer.bytes_written} bytes in {writer.path or 'stdout'}", file=sys.stderr)
    return 0
