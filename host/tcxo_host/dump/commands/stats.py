"""``tcxo-dump stats``: how well each clock runs, and what chrony made of it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .common import add_command, add_sources, finish
from .info import load_capture

__all__ = ["add_logs", "add_parser", "main", "read_logs"]

EXAMPLE = """\
  tcxo-dump stats monday.tcxocap
  tcxo-dump stats --tracking /var/log/chrony/tracking.log --tempcomp /var/log/chrony/tempcomp.log
"""
NOTE = """\
Per channel the frequency error of the clock that it shows, ppm, + when that clock is fast: from each edge to the
next (raw) and over 64 s (avg64). gps_pps shows the TCXO's error; rtc_pps and host_pwm are corrected for it.
With chrony's logs, the table of Dan Drown's "Frequency synchronization without phase in NTP": both frequency
corrections (+ makes the clock faster; tracking.log itself has the opposite sign, the clock's error), and the
percentiles of the clock's offset with and without compensation (--without names a tracking.log made without; by
default the times that tempcomp.log does not cover count as such).
"""


def add_parser(subparsers: Any) -> None:
    """Add ``stats``."""
    parser = add_command(
        subparsers, "stats", "show each clock's frequency error and what chrony made of it", EXAMPLE, NOTE
    )
    add_sources(parser, at_least=0)
    add_logs(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def add_logs(parser: Any) -> None:
    """chrony's logs."""
    parser.add_argument("--tracking", metavar="FILE", help="chrony's tracking.log")
    parser.add_argument("--tempcomp", metavar="FILE", help="chrony's tempcomp.log")
    parser.add_argument("--without", metavar="FILE", help="a tracking.log made without compensation")


def read_logs(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """``(tracking, tempcomp, without)``, None where not given."""
    from ...pi.chrony.logs import parse_tempcomp, parse_tracking, read_lines

    tracking = parse_tracking(read_lines(args.tracking), args.tracking) if args.tracking else None
    tempcomp = parse_tempcomp(read_lines(args.tempcomp), args.tempcomp) if args.tempcomp else None
    without = parse_tracking(read_lines(args.without), args.without) if args.without else None
    return tracking, tempcomp, without


def main(args: argparse.Namespace) -> int:
    """Print it."""
    from ...errors import UsageError
    from ...pi.chrony.logs import chrony_stats
    from ..analyse.stats import channel_stats

    if not args.files and not args.tracking and not args.tempcomp:
        raise UsageError("stats: name a capture, or chrony's logs with --tracking and --tempcomp")
    figures: dict[str, Any] = {}
    problems: list[str] = []
    if args.files:
        capture, problems = load_capture(args, "stats")
        figures["channels"] = channel_stats(capture)
    figures.update(chrony_stats(*read_logs(args)))
    if args.json:
        print(json.dumps(figures))
    else:
        _print(figures)
    return finish(problems)


def _print(figures: dict[str, Any]) -> None:
    from ..text import table

    keys = ("mean", "std", "min", "p1", "p25", "p50", "p75", "p99", "max")
    rows: list[tuple[object, ...]] = []
    for role, each in figures.get("channels", {}).items():
        for kind in ("raw", "avg64"):
            spread = each[kind]
            if spread:
                numbers = (f"{spread[f'{key}_ppm']:+.{each['digits'][kind]}f}" for key in keys)
                rows.append((each["clock"], role, kind, spread["n"], *numbers))
    if rows:
        print("frequency error, ppm (+ is fast)")
        print(table([("clock", "channel", "", "n", *keys), *rows]))
        uncorrected = [role for role, each in figures["channels"].items() if "counter" in each["against"]]
        if uncorrected:
            print(f"{', '.join(uncorrected)}: against the board's own counter, as there is no GPS")
        print()
        counts = ("edges", "lost", "missed", "doubled", "outliers", "duplicates")
        channels = figures["channels"].items()
        print(table([("channel", *counts), *((role, *(each[c] for c in counts)) for role, each in channels)]))
    elif "channels" in figures:
        print("no edges")
    _print_chrony(figures)


def _print_chrony(figures: dict[str, Any]) -> None:
    from ..text import table

    names = {"own_correction_ppm": "chrony's own correction", "tempcomp_ppm": "tempcomp"}
    rows = [
        (label, each["n"], *(f"{each[k]:+.4f}" for k in ("mean", "std", "min", "max")))
        for name, label in names.items()
        if (each := figures.get(name))
    ]
    if rows:
        print("\nfrequency correction, ppm (+ makes the clock faster; tracking.log has the opposite sign)")
        print(table([("", "n", "mean", "std dev", "min", "max"), *rows]))
    offsets = {name: each for name, each in figures.get("offset_ns", {}).items() if each}
    if offsets:
        marks = ("p1", "p25", "p50", "p75", "p99")
        print("\nclock offset, ns")
        lines = (
            (f"{name} compensation", each["n"], *(f"{each[m]:+.0f}" for m in marks))
            for name, each in offsets.items()
        )
        print(table([("", "n", "1 %", "25 %", "50 %", "75 %", "99 %"), *lines]))
