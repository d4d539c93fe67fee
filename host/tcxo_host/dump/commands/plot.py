"""``tcxo-dump plot``: captures and chrony's logs as pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..plots import KINDS, NEEDS_CAPTURE, NEEDS_ROWS
from ..progress import Progress
from .common import add_command, add_sources, complain, finish, open_sources
from .replay import add_pipeline, make_pipeline
from .stats import add_logs, read_logs

__all__ = ["add_parser", "main", "write_picture"]

EXAMPLE = """\
  tcxo-dump plot channels monday.tcxocap -o channels.svg
  tcxo-dump plot adev sim:day --seconds 86400 -o adev.png
  tcxo-dump plot offsets --tracking /var/log/chrony/tracking.log -o offsets.html
  tcxo-dump plot gpsp --refclocks /var/log/chrony/refclocks.log -o gpsp.svg
  tcxo-dump plot heat --heat free.jsonl --heat hold.jsonl -o heat.svg
  tcxo-dump plot report monday.tcxocap -o report.html
"""
FORMS = ("png", "svg", "pdf", "html")


def add_parser(subparsers: Any) -> None:
    """Add ``plot``."""
    kinds = "\n".join(f"  {name:12}{text}" for name, text in KINDS.items())
    note = f"{kinds}\n  {'report':12}one self-contained page with all of them, statistics and the log of states (.html)"
    parser = add_command(subparsers, "plot", "draw a capture or chrony's logs", EXAMPLE, note)
    parser.add_argument(
        "kind", metavar="KIND", choices=(*KINDS, "report"), help=", ".join((*KINDS, "report"))
    )
    add_sources(parser, at_least=0)
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="FILE.png, FILE.svg, FILE.pdf or FILE.html"
    )
    parser.add_argument("--local", action="store_true", help="times in this machine's time zone, not UTC")
    add_logs(parser)
    parser.add_argument(
        "--refclocks", metavar="FILE", action="append", help="chrony's refclocks.log; again for a rotated one"
    )
    parser.add_argument(
        "--against",
        metavar="REFID",
        default="",
        help="the reference clock beside GPSP (default: another pulse)",
    )
    parser.add_argument(
        "--heat", metavar="FILE", action="append", help="a record of 'tcxo-host heat' (repeatable)"
    )
    add_pipeline(parser)
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Draw it."""
    from ...errors import UsageError

    form = Path(args.output).suffix.removeprefix(".")
    if form not in FORMS:
        raise UsageError(
            f"-o {args.output}: expected a name that ends in {', '.join('.' + each for each in FORMS)}"
        )
    if args.kind == "report" and form != "html":
        raise UsageError(f"-o {args.output}: a report is a page: name it .html")
    needs_rows = args.kind == "report" or (args.kind in NEEDS_ROWS and not args.tempcomp)
    if not args.files and (args.kind in NEEDS_CAPTURE or (needs_rows and not args.tracking)):
        raise UsageError(f"plot {args.kind}: name a capture")
    _ask_for_libraries(args.kind)
    data, problems = _data(args, needs_rows)
    for said in _apart(data) if needs_rows else []:
        complain(said)
    with Progress(f"draw {args.kind}") as progress:
        if args.kind != "report":
            progress.busy()
        content = _content(args.kind, form, data, progress)
    write_picture(args.output, content)
    return finish(problems)


def _ask_for_libraries(kind: str) -> None:
    """Before a capture is read or simulated. Raises UnavailableError."""
    from ..analyse.deviations import allantools_of
    from ..plots.style import figure

    figure("")
    if kind == "adev":
        allantools_of(kind)


def _apart(data: Any) -> list[str]:
    from ..plots.data import periods_apart

    return periods_apart(data)


def _content(kind: str, form: str, data: Any, progress: Progress) -> bytes:
    from ..plots import draw
    from ..plots.style import save_bytes

    if kind == "report":
        from ..plots.report_page import report_page

        return report_page(data, progress.advance).encode()
    made = draw(kind, data)
    if form == "html":
        from ..plots.report_page import plot_page

        return plot_page(made).encode()
    return save_bytes(made, form)


def _data(args: argparse.Namespace, needs_rows: bool) -> tuple[Any, list[str]]:
    """All the kind needs, in one pass over the entries."""
    from tcxo_protocol.records import IdentityError

    from ...capture.columns import Loader
    from ...daemon.pipeline import Row
    from ...errors import DataError
    from ...pi.chrony.refclock_log import read_refclocks
    from ...pi.heat.record import read_rows
    from ..analyse.replay import UtcClock, replay
    from ..plots.data import PlotData, Rows

    data = PlotData(local_time=args.local, against=args.against)
    data.tracking, data.tempcomp, data.without = read_logs(args)
    problems = []
    if args.refclocks:
        data.refclocks = read_refclocks(args.refclocks)
        problems += data.refclocks.bad.problems()
    if args.heat:
        data.heat = [row for name in args.heat for row in read_rows(Path(name))]
    if not args.files:
        return data, problems
    loader, clock = Loader(), UtcClock()
    with open_sources(args, f"plot {args.kind}") as sources:

        def tapped() -> Any:
            for entry in sources.entries():
                loader.take(entry)
                yield entry

        if needs_rows:
            rows = Rows()
            for event in replay(tapped(), make_pipeline(args), clock):
                if isinstance(event, Row):
                    rows.add(clock.utc_s(event.host_ns), event)
            data.rows = rows
        else:
            for _ in tapped():
                pass
    try:
        data.capture = loader.finish()
    except IdentityError as error:
        raise DataError(str(error)) from None
    return data, problems + sources.problems


def write_picture(path: str, content: bytes) -> None:
    """A file for the user. Raises OutputError."""
    from ...errors import OutputError

    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
