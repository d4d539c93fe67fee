"""``tcxo-dump import``: other counters' data as a capture."""

from __future__ import annotations

import argparse
import calendar
import contextlib
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcxo_protocol.spec import Role

from .common import add_command, complain, finish

if TYPE_CHECKING:
    from ..progress import Progress

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump import ticc.txt --map A=gps_pps,B=host_pwm -o ticc.tcxocap
  tcxo-dump import edges.csv --tick-hz 48000000 --counter-bits 16
  tcxo-dump replay edges.tcxocap
"""
NOTE = """\
Reads, told apart by their content:
  CSV       channel,ticks (with --tick-hz) or seconds,channel; either order, by heading or as found
  timelab   3.999672500 chC, as TAPR's TICC prints and TimeLab saves
  jsonl, parquet  what tcxo-dump export wrote

Channels may be role names (gps_pps, rtc_pps, host_pwm, aux), letters (A to D in that order) or numbers (from 0
where there is a 0, else from 1), or what --map says. Nominal rates are found in the data. Times finer than 0.25 ns
are rounded to that: a board's counter, and so a capture, has no finer ticks.
"""
UNKNOWN_START = "1970-01-01T00:00:00Z"


def add_parser(subparsers: Any) -> None:
    """Add ``import``."""
    parser = add_command(subparsers, "import", "make a capture of another counter's data", EXAMPLE, NOTE)
    parser.add_argument("file", metavar="FILE", help="text file, - for stdin, or a folder of Parquet files")
    parser.add_argument("-o", "--output", metavar="CAPTURE", help="default: FILE with the suffix .tcxocap")
    parser.add_argument(
        "--format", choices=("csv", "timelab", "jsonl", "parquet"), help="default: by content"
    )
    parser.add_argument("--tick-hz", type=_whole, metavar="HZ", help="rate of the counter")
    parser.add_argument("--map", metavar="C=ROLE,...", default="", help="what each channel is")
    parser.add_argument(
        "--pwm-hz", type=_rate_hz, metavar="HZ", help="nominal rate of host_pwm (default: as found)"
    )
    parser.add_argument("--counter-bits", type=_bits, metavar="N", help="the counter wraps at 2**N")
    parser.add_argument(
        "--start", metavar="UTC", help=f"UTC when the counter was zero (default: {UNKNOWN_START})"
    )
    parser.set_defaults(main=main)


def _whole(text: str) -> int:
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        number = 0
    if not 0 < number < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to 4294967295")
    return number


def _bits(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 3 else 0
    if not 8 <= number <= 48:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of bits from 8 to 48")
    return number


def _rate_hz(text: str) -> float:
    try:
        rate_hz = float(text)
    except ValueError:
        rate_hz = 0.0
    if not 0.001 <= rate_hz <= 4e6:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a rate from 0.001 to 4000000 Hz")
    return rate_hz


def main(args: argparse.Namespace) -> int:
    """Read all, write the capture."""
    from ...capture.writer import SUFFIX, CaptureWriter
    from ...errors import OutputError
    from ..progress import Progress

    progress = Progress("import")
    lines = None if _is_parquet(args) else _told(_lines_of(args.file), args.file, progress)
    name = "imported" if args.file == "-" else args.file.rstrip("/")
    output = args.output or (str(Path(name).with_suffix(SUFFIX)) if Path(name).name else f"imported{SUFFIX}")
    if output != "-" and Path(output).exists() and Path(output).stat().st_size:
        raise OutputError(f"{output}: exists already: remove it, or choose another with -o")
    problems: list[str] = []
    clock = _Clock()
    writer = CaptureWriter(output, utc_of=clock.utc_ns)
    with progress:
        if lines is None:
            progress.busy()
        for entry in _entries(args, lines, problems):
            clock.take(entry)
            writer.entry(entry.kind, entry.host_ns, entry.body)
    writer.close()
    print(f"{writer.entries} entries in {output}", file=sys.stderr)
    return finish([f"{args.file}: {problem}" for problem in problems])


class _Clock:
    """UTC as the entries tell it, for the capture being written."""

    def __init__(self) -> None:
        self._offset_ns = 0

    def take(self, entry: Any) -> None:
        from tcxo_protocol.capture_file import EntryKind, parse_clock

        if entry.kind == EntryKind.CLOCK:
            host_ns, realtime_ns = parse_clock(entry.body)
            self._offset_ns = realtime_ns - host_ns

    def utc_ns(self, host_ns: int) -> int:
        return host_ns + self._offset_ns


def _is_parquet(args: argparse.Namespace) -> bool:
    return bool(args.format == "parquet" or (args.format is None and Path(args.file).is_dir()))


def _lines_of(file: str) -> Iterator[str]:
    """The lines of a text. Raises DataError for a capture, which needs no import."""
    from tcxo_protocol.capture_file import MAGIC

    from ...errors import DataError
    from ...pi.chrony.logs import iter_lines

    lines = iter_lines(file)
    first = list(itertools.islice(lines, 1))
    if first == [MAGIC.decode("utf8", "replace").rstrip()]:
        raise DataError(f"{file}: is a capture already: give it to info, plot, replay... as it is")
    return itertools.chain(first, lines)


def _told(lines: Iterator[str], file: str, progress: Progress) -> Iterator[str]:
    """The lines, with the share of the file that has been read; of a compressed one or stdin only that it goes on."""
    from ...capture.compress import SUFFIXES

    whole = None
    with contextlib.suppress(OSError):
        if file != "-" and Path(file).suffix not in SUFFIXES:
            whole = Path(file).stat().st_size
    read = 0
    for number, line in enumerate(lines):
        read += len(line) + 1
        if number % 1000 == 0:
            progress.advance(read, whole)
        yield line


def _entries(args: argparse.Namespace, lines: Iterator[str] | None, problems: list[str]) -> Iterator[Any]:
    from ...errors import DataError
    from ..formats.importers import parse_map, read_text
    from ..formats.jsonl import entries_of_jsonl
    from ..formats.synthesis import odd_rates, refuse_unfit, synthesise
    from ..formats.text_rows import detect_format

    channel_map = parse_map(args.map)
    start_utc_ns = _utc_ns(args.start or UNKNOWN_START)
    if lines is None:
        from ..formats.parquet import read_parquet

        for imported in read_parquet(args.file):
            yield from synthesise(imported)
        return
    head = list(itertools.islice(lines, 50))
    lines = itertools.chain(head, lines)
    form = args.format or detect_format(head)
    if form == "jsonl":
        found = 0
        for entry in entries_of_jsonl(lines, problems):
            found += 1
            yield entry
        if not found:
            raise DataError(f"{args.file}: {problems[0] if problems else 'is empty'}")
        return
    rates_hz = {Role.HOST_PWM.label: args.pwm_hz} if args.pwm_hz else {}
    result = read_text(
        lines,
        form,
        where=args.file,
        tick_hz=args.tick_hz,
        channel_map=channel_map,
        rates_hz=rates_hz,
        counter_bits=args.counter_bits,
        start_utc_ns=start_utc_ns,
    )
    if result.bad_count:
        shown = "; ".join(result.bad_lines)
        problems.append(f"{result.bad_count} of {result.lines} lines not used: {shown}")
    for role, channel in result.imported.channels.items():
        print(f"{role}: {channel.ticks.size} edges, {channel.rate_hz:g} Hz", file=sys.stderr)
    if args.start is None:
        print(f"no --start: the counter is taken to have been zero at {UNKNOWN_START}", file=sys.stderr)
    if odd := odd_rates(result.imported, rates_hz):
        suspect = f"--tick-hz {args.tick_hz}" if args.tick_hz else "--map"
        complain(f"{args.file}: {odd}: is {suspect} right?")
    refuse_unfit(result.imported, args.file)
    yield from synthesise(result.imported)


def _utc_ns(text: str) -> int:
    from ...errors import UsageError

    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        with contextlib.suppress(ValueError):
            seconds = calendar.timegm(time.strptime(text, form))
            if 0 <= seconds < 1 << 32:
                return seconds * 1_000_000_000
    raise UsageError(f"--start {text!r}: expected UTC such as 2026-01-31T12:00:00Z, from 1970 to 2106")
