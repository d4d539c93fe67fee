"""``tcxo-dump compare``: two references side by side, from chrony's logs."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import add_command, complain, finish, period_s

if TYPE_CHECKING:
    from ..analyse.compare import Comparison

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump compare /var/log/chrony/refclocks.log
  tcxo-dump compare /var/log/chrony/refclocks.log* --against PTP0 -o pair.png
  tcxo-dump compare refclocks.log measurements.log --last 1d --json
"""
NOTE = """\
How far one source of time is ahead of another, from chrony's refclocks.log and measurements.log ('log refclocks
measurements' in chrony.conf; files in any order, rotated and compressed ones, too):
  bias      the mean difference with its 95 % interval, which grows where the difference wanders: it comes from
            blocks of time so long that their means are independent
  drift     of the difference, with its interval
  TDEV      with 68 % intervals, and MTIE, the largest change within that time, which has none
  outages   what the clock did while one of them was silent, and how far off it came back
  offset    the option in chrony.conf that makes them agree, for the one or for the other
Of a reference clock the filtered samples are used, one a poll, which chrony steers by.
"""
FORMS = ("png", "svg", "pdf")


def add_parser(subparsers: Any) -> None:
    """Add ``compare``."""
    parser = add_command(subparsers, "compare", "put two references side by side", EXAMPLE, NOTE)
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="chrony's refclocks.log, measurements.log, or - for stdin"
    )
    parser.add_argument(
        "--against", metavar="NAME", help="refid or address to compare with (default: the most samples)"
    )
    parser.add_argument(
        "--raw", action="store_true", help="every sample of a refclock, not the filtered ones"
    )
    parser.add_argument(
        "--last", metavar="PERIOD", type=period_s, help="only the last 10m, 1h, 1d... of the logs"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("-o", "--output", metavar="FILE", help="also draw it: FILE.png, FILE.svg or FILE.pdf")
    parser.add_argument("--local", action="store_true", help="in the plot, this machine's time zone, not UTC")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Print it, and draw it where asked."""
    from ...errors import DataError, UsageError
    from ..analyse.compare import as_json, chosen_pairs, compare
    from ..progress import Progress
    from .chrony_sources import read_sources

    if args.output:
        if Path(args.output).suffix.removeprefix(".") not in FORMS:
            raise UsageError(
                f"-o {args.output}: expected a name that ends in {', '.join('.' + each for each in FORMS)}"
            )
        from ..plots.style import figure

        figure("")  # asks for its library before the work is done
    with Progress("compare") as progress:
        sources, problems = read_sources(args.files, raw=args.raw, last_s=args.last, progress=progress)
        results = []
        for pair in chosen_pairs(sources, args.against):
            try:
                results.append(compare(*pair))
            except DataError as error:
                problems.append(str(error))
    if not results:
        raise DataError("; ".join(problems))
    if args.json:
        print(json.dumps({"pairs": [as_json(each) for each in results], "problems": problems}))
    else:
        for each in results:
            _print(each)
    if args.output:
        _draw(args, results)
    return finish(problems)


def _draw(args: argparse.Namespace, results: list[Comparison]) -> None:
    from ..plots.style import save_bytes
    from ..plots.two_sources import pairs
    from .plot import write_picture

    form = Path(args.output).suffix.removeprefix(".")
    write_picture(args.output, save_bytes(pairs(results, args.local), form))
    with contextlib.suppress(BrokenPipeError):
        complain(f"drawn in {args.output}")


def _print(result: Comparison) -> None:
    from ..analyse.compare import offset_options
    from ..text import duration, utc, with_unit

    both = result.both
    print(f"{both.first} against {both.second}")
    left_out = f", {both.outliers} outliers left out" if both.outliers else ""
    print(f"  span      {utc(both.utc_s[0])} to {utc(both.utc_s[-1])}")
    print(f"  samples   {both.x_s.size}, one every {both.interval_s:g} s{left_out}")
    bias = result.bias
    if bias is None:
        print("  bias      too few samples for an interval")
    else:
        level = with_unit(bias.bias_s, bias.bias_half_s)
        where = f"+ is {both.first} ahead"
        if bias.wanders:
            print(f"  bias      {level}, the range of {bias.blocks} means: it keeps wandering,")
            print(f"            so there is no constant bias to be had from this ({where})")
        else:
            print(f"  bias      {level} (95 %, {bias.blocks} blocks of {duration(bias.block_s)}; {where})")
            day = with_unit(bias.drift_per_s * 86400, bias.drift_half_per_s * 86400)
            print(f"  drift     {day} a day (95 %){'' if bias.drifts else ': none seen'}")
        print(f"  scatter   {with_unit(bias.std_s, None)} standard deviation")
    _print_offsets(result, offset_options(result))
    _print_outages(result)
    _print_deviations(result)
    print()


def _print_offsets(result: Comparison, options: dict[str, float]) -> None:
    if options:
        print("  to make them agree, add one of these to what its line in chrony.conf has:")
        for name, value in options.items():
            kind = "server" if "." in name or ":" in name else "refclock ... refid"
            print(f"    {kind} {name} ... offset {value:.9f}")
    elif result.bias is not None and not result.bias.wanders:
        print("  they agree within that: no offset line is needed")


def _print_outages(result: Comparison) -> None:
    from ..text import duration, table, utc, with_unit

    if not result.outages:
        return
    rows: list[tuple[object, ...]] = [("silent", "from", "for", "clock moved", "came back off by")]
    for each in result.outages[:20]:
        back = "-" if each.back_off_s is None else with_unit(each.back_off_s, each.back_sigma_s)
        moved = f"{with_unit(each.clock_moved_s, None)} ({each.other})"
        rows.append((each.ended, utc(each.from_utc_s), duration(each.seconds), moved, back))
    print("  while one was silent, the clock moved at most, against the other:")
    print("    " + table(rows).replace("\n", "\n    "))
    if len(result.outages) > 20:
        print(f"    and {len(result.outages) - 20} more (all with --json)")


def _print_deviations(result: Comparison) -> None:
    from ..text import table

    if not result.deviations:
        print(f"  TDEV and MTIE: {result.no_deviations}")
        return
    tdev, mtie = result.deviations["tdev"], result.deviations["mtie"]
    rows: list[tuple[object, ...]] = [("tau s", "TDEV ns", "68 % from", "to", "MTIE ns")]
    for index, tau_s in enumerate(tdev.tau_s.tolist()):
        values = (tdev.value[index], tdev.low[index], tdev.high[index], mtie.value[index])
        rows.append(
            (f"{tau_s:g}", *(f"{each * 1e9:.3g}" if each < 1e-7 else f"{each * 1e9:.0f}" for each in values))
        )
    print("    " + table(rows).replace("\n", "\n    "))
