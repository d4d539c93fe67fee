"""``tcxo-dump stability``: the numbers behind the graphs, as a table, CSV, JSON or plot."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import Progress
from .common import add_command, add_sources, complain, finish, open_text
from .info import load_capture

if TYPE_CHECKING:
    from ..analyse.clock_pairs import ClockPair
    from ..analyse.deviations import Deviation

    Found = Mapping[str, Mapping[str, Deviation]]
    Pairs = Mapping[str, ClockPair]

__all__ = ["add_parser", "main"]

KINDS = ("adev", "mdev", "hdev", "tdev", "mtie")
EXAMPLE = """\
  tcxo-dump stability monday.tcxocap
  tcxo-dump stability serial:/dev/ttyACM0 --seconds 3600 --kind tdev
  tcxo-dump stability sim:day --seconds 7200 --csv table.csv -o stability.svg
  tcxo-dump stability --refclocks /var/log/chrony/refclocks.log --json
"""
NOTE = """\
ADEV, MDEV, HDEV (Hadamard), TDEV and MTIE of each pair of clocks, at octaves up to a quarter of the data. Intervals
come from the degrees of freedom (Greenhall and Riley) for the noise type found at each averaging time: WPM and FPM
white and flicker phase, WFM, FFM and RWFM white, flicker and random-walk frequency noise (FWFM beyond). MTIE is the
largest of its windows, with the clocks' mean rate taken out, and has no such interval. The floor is what rounding to
the counter's ticks adds by itself; signals that stay on one tick for seconds may lie a little below.
From chrony's logs: the system clock, as chrony steers it, against each of its sources.
"""
FORMS = ("png", "svg", "pdf")


def add_parser(subparsers: Any) -> None:
    """Add ``stability``."""
    parser = add_command(
        subparsers, "stability", "show ADEV, MDEV, TDEV, Hadamard and MTIE of each clock", EXAMPLE, NOTE
    )
    add_sources(parser, at_least=0)
    parser.add_argument(
        "--refclocks", metavar="FILE", action="append", default=[],
        help="chrony's refclocks.log or measurements.log, also rotated; repeatable",
    )  # fmt: skip
    parser.add_argument("--tracking", metavar="FILE", help="chrony's tracking.log")
    parser.add_argument(
        "--kind", action="append", choices=KINDS, help="only this one, with its interval; repeatable"
    )
    parser.add_argument(
        "--confidence", type=_percent, default=68.3, metavar="PERCENT", help="default: %(default)s"
    )
    parser.add_argument("--csv", metavar="OUT", help="write all values to OUT (- for stdout)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("-o", "--output", metavar="FILE", help="also draw it: FILE.png, FILE.svg or FILE.pdf")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Compute; print, write or draw."""
    from ...errors import DataError, UsageError
    from ..analyse.clock_pairs import deviations_of
    from ..analyse.deviations import LEAST_POINTS, allantools_of

    if not args.files and not args.refclocks and not args.tracking:
        raise UsageError("stability: name a capture, or chrony's logs with --refclocks or --tracking")
    if args.output and Path(args.output).suffix.removeprefix(".") not in FORMS:
        raise UsageError(
            f"-o {args.output}: expected a name that ends in {', '.join('.' + each for each in FORMS)}"
        )
    if args.json and args.csv == "-":
        raise UsageError("stability: --json and --csv - would share stdout: write one of them to a file")
    # libraries are asked for before a capture is read or simulated
    allantools_of("stability")
    if args.output:
        from ..plots.style import figure

        figure("")
    pairs, problems = _pairs(args)
    if not pairs:
        raise DataError(f"stability: no source has {LEAST_POINTS} values without a gap")
    kinds = tuple(kind for kind in KINDS if not args.kind or kind in args.kind)
    with Progress("stability") as progress:
        progress.busy()
        found = deviations_of(pairs, kinds, args.confidence / 100)
    if args.json:
        print(json.dumps({"confidence": args.confidence / 100, "pairs": _json(pairs, found)}))
    elif args.csv != "-":
        _print(pairs, found, args.confidence, summary=not args.kind)
    if args.csv:
        with open_text(args.csv) as file:
            file.writelines(_csv_lines(pairs, found))
    if args.output:
        _draw(args, pairs, found)
    return finish(problems)


def _pairs(args: argparse.Namespace) -> tuple[dict[str, ClockPair], list[str]]:
    from ...pi.chrony.logs import parse_tracking, read_lines
    from ..analyse.clock_pairs import log_pairs, longest_session_pairs
    from .chrony_sources import read_sources

    pairs: dict[str, ClockPair] = {}
    problems: list[str] = []
    tracking = parse_tracking(read_lines(args.tracking), args.tracking) if args.tracking else None
    sources: Any = {}
    if args.refclocks:
        with Progress("read") as progress:
            sources, problems = read_sources(args.refclocks, raw=False, last_s=args.last, progress=progress)
    if args.files:
        capture, more = load_capture(args, "stability")
        problems += more
        pairs.update(longest_session_pairs(capture, "stability"))
    pairs.update(log_pairs(sources.values(), tracking))
    return pairs, problems


def _print(pairs: Pairs, found: Found, percent: float, *, summary: bool) -> None:
    from ..analyse.deviations import summary_rows
    from ..text import table

    for name, pair in pairs.items():
        print(f"{name}: {pair.x_s.size} values every {pair.interval_s:g} s")
        if summary:
            print(table(summary_rows(found[name], percent)))
        else:
            for each in found[name].values():
                print(table(_rows(pair, each, percent)))
        print()


def _rows(pair: ClockPair, found: Deviation, percent: float) -> list[tuple[object, ...]]:
    from ..analyse.clock_pairs import floor_of
    from ..analyse.deviations import noise_name

    level = floor_of(pair, found)
    rows: list[tuple[object, ...]] = [
        ("tau s", found.kind.upper(), f"{percent:.0f} % from", "to", "floor", "windows", "noise")
    ]
    for index, tau_s in enumerate(found.tau_s.tolist()):
        values = (found.value, found.low, found.high)
        shown = ("-" if each[index] != each[index] else f"{each[index]:.4e}" for each in values)
        floor = "-" if level is None else f"{level[index]:.1e}"
        rows.append((f"{tau_s:g}", *shown, floor, int(found.windows[index]), noise_name(found, index)))
    return rows


def _json(pairs: Pairs, found: Found) -> dict[str, Any]:
    from ..analyse.clock_pairs import floor_of
    from ..analyse.deviations import noise_name

    result: dict[str, Any] = {}
    for name, pair in pairs.items():
        kinds = {}
        for kind, each in found[name].items():
            level = floor_of(pair, each)
            kinds[kind] = {
                "tau_s": each.tau_s.tolist(),
                "value": each.value.tolist(),
                "low": None if kind == "mtie" else each.low.tolist(),
                "high": None if kind == "mtie" else each.high.tolist(),
                "noise": None if kind == "mtie" else [noise_name(each, n) for n in range(each.tau_s.size)],
                "counter_floor": None if level is None else level.tolist(),
                "windows": each.windows.tolist(),
            }
        result[name] = {"values": int(pair.x_s.size), "interval_s": pair.interval_s, **kinds}
    return result


def _csv_lines(pairs: Pairs, found: Found) -> Iterator[str]:
    from ..analyse.clock_pairs import floor_of
    from ..analyse.deviations import noise_name

    yield "pair,kind,tau_s,value,low,high,counter_floor,windows,noise\n"
    for name, pair in pairs.items():
        for kind, each in found[name].items():
            level = floor_of(pair, each)
            for n, tau_s in enumerate(each.tau_s.tolist()):
                values = (
                    each.value[n],
                    each.low[n],
                    each.high[n],
                    float("nan") if level is None else level[n],
                )
                shown = ",".join("" if value != value else f"{value:.6e}" for value in values)
                yield f"{name},{kind},{tau_s:g},{shown},{each.windows[n]},{noise_name(each, n)}\n"


def _draw(args: argparse.Namespace, pairs: Pairs, found: Found) -> None:
    from ..plots.stability import panels
    from ..plots.style import save_bytes
    from .plot import write_picture

    made = panels(pairs, found, confidence=args.confidence / 100)
    write_picture(args.output, save_bytes(made, Path(args.output).suffix.removeprefix(".")))
    complain(f"drawn in {args.output}")


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not 50 <= percent <= 99.9:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a percentage from 50 to 99.9")
    return percent
