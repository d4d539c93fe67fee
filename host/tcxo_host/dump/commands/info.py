"""``tcxo-dump info``: what is in a capture."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .common import add_command, add_sources, finish, open_sources

__all__ = ["add_parser", "load_capture", "main"]

EXAMPLE = """\
  tcxo-dump info monday.tcxocap.gz
  tcxo-dump info serial:/dev/ttyACM0 --seconds 10
"""


def add_parser(subparsers: Any) -> None:
    """Add ``info``."""
    parser = add_command(
        subparsers, "info", "say what is in a capture: board, span, edges, gaps, losses", EXAMPLE
    )
    add_sources(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def load_capture(args: argparse.Namespace, what: str) -> tuple[Any, list[str]]:
    """All entries of the named sources as arrays, and what could not be read."""
    from tcxo_protocol.records import IdentityError

    from ...capture.columns import load
    from ...errors import DataError

    with open_sources(args, what) as sources:
        try:
            return load(sources.entries()), sources.problems
        except IdentityError as error:
            raise DataError(str(error)) from None


def main(args: argparse.Namespace) -> int:
    """Print it."""
    from ..analyse.stats import capture_info

    capture, problems = load_capture(args, "info")
    info = capture_info(capture)
    if args.json:
        print(json.dumps(info))
    else:
        _print(info, capture)
    return finish(problems)


def _print(info: dict[str, Any], capture: Any) -> None:
    from ..text import duration, table, utc

    where = f", recorded on {', '.join(info['hosts'])}" if info["hosts"] else ""
    print(f"{utc(info['first_utc_s'])} to {utc(info['last_utc_s'])}, {duration(info['span_s'])}{where}")
    print(
        f"{info['frames']} frames, {info['edges']} edges; lost: {info['lost_edges']} edges,"
        f" {info['lost_frames']} frames; damaged: {info['bad_frames']} frames, {info['bad_records']} records"
    )
    print(
        f"{info['resets']} board resets, {info['link_openings']} link openings, {len(info['gaps'])} silences over 2 s"
    )
    for board in info["boards"]:
        heat = board["temperature_c"]
        print(
            f"\nboard {board['board']}, firmware {board['firmware']}, boot {board['boot_id']},"
            f" {board['tick_hz']} Hz, {duration(board['seconds'])}"
            + (f", {heat['min']:.1f} to {heat['max']:.1f} °C" if heat else "")
        )
        head = ("channel", "rate Hz", "edges", "lost", "duplicates", "overcaptures", "overflows")
        keys = ("edges", "lost", "duplicates", "overcaptures", "overflows")
        rows = [
            (role, f"{each['rate_hz']:g}", *(each[key] for key in keys))
            for role, each in board["channels"].items()
        ]
        print(table([head, *rows]))
    if capture.log:
        print()
        for at, text in capture.log[:40]:
            print(f"{utc(at)}  {text}")
        more = len(capture.log) - 40 + capture.log_left_out
        if more > 0:
            print(f"... and {more} lines more")
