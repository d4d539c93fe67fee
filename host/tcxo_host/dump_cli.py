"""The command ``tcxo-dump``: what a board sends, for people."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from .cli import Parser, run_command

__all__ = ["main"]

EXAMPLE = """\
example:
  tcxo-dump --link serial:/dev/ttyACM0 --seconds 10
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tcxo-dump`` with ``argv``; return its exit status."""
    parser = Parser(
        prog="tcxo-dump",
        description="Print what a board sends, a record's line each, edges one a line.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tcxo-dump {version('tcxo-host')}")
    parser.add_argument("--link", metavar="URL", default="serial:/dev/ttyACM0", help="default: %(default)s")
    parser.add_argument("--baud", type=int, default=115200, help="line rate of a UART (USB ignores it)")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after N seconds (default: never)")
    parser.set_defaults(main=_dump)
    return run_command(parser.parse_args(argv), "tcxo-dump")


def _dump(args: argparse.Namespace) -> int:
    from tcxo_protocol.records import parse_payload

    from .link import open_link

    link = open_link(args.link, args.baud)
    end = None if args.seconds is None else time.monotonic() + args.seconds
    try:
        link.send("id")
        link.send("stream on")
        while end is None or time.monotonic() < end:
            for received in link.read(0.2):
                for record in parse_payload(received.payload):
                    sys.stdout.writelines(f"{line}\n" for line in _lines(record))
            sys.stdout.flush()
    finally:
        link.close()
    return 0


def _lines(record: object) -> Iterator[str]:
    from tcxo_protocol.records import Edges, Identify, Status, Text

    if isinstance(record, Edges):
        for index, tick in enumerate(record.ticks):
            flags = record.flags if index == 0 else 0
            yield f"edge channel={record.channel} number={record.number + index} tick={tick} flags={flags}"
    elif isinstance(record, Identify):
        yield (
            f"identify board={record.board} boot={record.boot_id:08x} tick_hz={record.tick_hz}"
            f" protocol={record.protocol_major}.{record.protocol_minor} firmware={record.firmware_version}"
        )
    elif isinstance(record, Status):
        yield (
            f"status uptime_s={record.uptime_s} tick={record.tick} frames_sent={record.frames_sent}"
            f" frames_dropped={record.frames_dropped} mcu_c={record.mcu_c} external_c={record.external_c}"
            f" supply_v={record.supply_v}"
        )
    elif isinstance(record, Text):
        yield f"text {record.text}"


if __name__ == "__main__":
    sys.exit(main())
