"""``tcxo-dump export``: a capture for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from .common import add_command, add_sources, finish, open_sources, open_text

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump export monday.tcxocap --format timelab -o monday.txt
  tcxo-dump export *.tcxocap --format parquet -o archive/
  duckdb -c "select channel, count(*) from read_parquet('archive/edges/**/*.parquet') group by 1"
"""
NOTE = """\
  csv      channel,ticks,number,flags: one edge a line
  jsonl    one record a line, nothing left out
  timelab  3.999672500000 chA: seconds of the counter; A gps_pps, B rtc_pps, C host_pwm, D aux
  parquet  a folder, partitioned by board and day, with edges and status (needs the extra 'parquet')
"""


def add_parser(subparsers: Any) -> None:
    """Add ``export``."""
    parser = add_command(subparsers, "export", "write a capture for other programs", EXAMPLE, NOTE)
    add_sources(parser)
    parser.add_argument("--format", choices=("csv", "jsonl", "timelab", "parquet"), default="csv")
    parser.add_argument(
        "-o", "--output", metavar="OUT", default="-", help="file or, for parquet, folder (default: -)"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Write it."""
    from ...errors import UsageError
    from ..progress import Progress

    if args.format == "parquet":
        if args.output == "-":
            raise UsageError("parquet is a folder of files: name it with -o FOLDER")
        return _parquet(args)
    progress = Progress("export", quiet=args.output == "-" and sys.stdout.isatty())
    with open_sources(args, "export", progress) as sources, open_text(args.output) as file:
        for line in _lines(args.format, sources.entries()):
            file.write(line + "\n")
    return finish(sources.problems)


def _parquet(args: argparse.Namespace) -> int:
    from ..formats.parquet import write_parquet
    from .info import load_capture

    capture, problems = load_capture(args, "export")
    edges = write_parquet(capture, args.output)
    print(f"{edges} edges in {args.output}", file=sys.stderr)
    return finish(problems)


def _lines(form: str, entries: Iterable[Any]) -> Iterator[str]:
    from ..formats.edge_lines import ROLES, EdgeLines
    from ..formats.jsonl import jsonl_lines

    if form == "jsonl":
        yield from jsonl_lines(entries)
        return
    if form == "csv":
        yield "channel,ticks,number,flags"
    lines = EdgeLines(form, set(ROLES))
    for entry in entries:
        yield from lines.of(entry)
