"""``tcxo-dump replay``: a capture through the daemon's own pipeline."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from typing import Any

from .common import add_command, add_sources, finish, open_sources, open_text

__all__ = ["add_parser", "main"]

EXAMPLE = """\
  tcxo-dump replay monday.tcxocap tuesday.tcxocap --csv rows.csv
  tcxo-dump replay monday.tcxocap --estimator boxcar64 --csv - | head
"""
NOTE = """\
The rows are what the daemon would have written live: one a second, with
  time_s          ticks since the capture's first edge over the nominal tick_hz, when the value would be written
  state           acquire, track, holdover or hold
  published_ppm   what the file for chrony would hold; empty while nothing is published
  freq_error_ppm  of the Pi's clock, + when it is fast; sigma_ppm: its standard deviation
  tcxo_ppm, rtc_ppm  of the other two clocks, + when fast
"""


def add_parser(subparsers: Any) -> None:
    """Add ``replay``."""
    parser = add_command(
        subparsers, "replay", "run a capture through the daemon's own pipeline", EXAMPLE, NOTE
    )
    add_sources(parser)
    add_pipeline(parser)
    parser.add_argument("--csv", metavar="OUT", help="write a row a second to OUT (- for stdout)")
    parser.add_argument(
        "--speed", default="max", type=_speed, metavar="X", help="max, or times real time (default: max)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="on stdout one JSON object at the end, with the last row; the rest goes to stderr",
    )
    parser.set_defaults(main=main)


def add_pipeline(parser: Any) -> None:
    """The options that choose how the pipeline works; also for plots."""
    parser.add_argument("--estimator", metavar="NAME", help="default: the daemon's")
    parser.add_argument("--config", metavar="FILE", help="take the daemon's settings from this TOML file")


def make_pipeline(args: argparse.Namespace) -> Any:
    """The pipeline as the daemon would make it without a state file."""
    from ...config.load import load_config, override
    from ...config.settings import Config
    from ...daemon.pipeline import Pipeline
    from ...estimate.registry import make_estimator
    from ...publish.baseline import Baseline
    from ...publish.compensation import Compensation
    from ...publish.policy import PublishPolicy
    from ...publish.start_check import Remembered, StartCheck

    config = load_config(args.config) if args.config else Config()
    config = override(config, "estimator", name=args.estimator)
    chosen = config.estimator
    estimator = make_estimator(chosen.name, chosen.start_limit_ppm, chosen.holdover_limit_ppm)
    baseline = Baseline(config.output.baseline_ppm())
    policy = PublishPolicy(config.output.max_step_ppm)
    return Pipeline(
        estimator,
        policy,
        Compensation(baseline),
        StartCheck(Remembered()).doubt,
        # without the daemon's settings, the rate is the one that the board expects
        host_rate_hz=config.host_rate_hz if args.config else None,
    )


def main(args: argparse.Namespace) -> int:
    """Replay; rows to --csv, changes of state and a summary to the terminal."""
    from ...daemon.pipeline import Identified, Refused, Row
    from ...daemon.values import row_values
    from ...errors import DataError, UsageError
    from ..analyse.replay import CSV_HEADER, csv_row, replay
    from ..progress import Progress

    if args.json and args.csv == "-":
        raise UsageError("--json and --csv - both want stdout: write the rows to a file")
    pipeline = make_pipeline(args)
    talk = sys.stderr if args.csv == "-" or args.json else sys.stdout
    last: Row | None = None
    pace = _Pace(args.speed)
    rows = published = 0
    state = refusal = ""
    progress = Progress("replay", quiet=args.csv == "-" and sys.stdout.isatty())
    rows_file = open_text(args.csv) if args.csv else contextlib.nullcontext()
    with rows_file as csv, open_sources(args, "replay", progress) as sources:
        if csv:
            csv.write(CSV_HEADER + "\n")
        for event in replay(sources.entries(), pipeline):
            if isinstance(event, Row):
                rows, last = rows + 1, event
                published += event.published_ppm is not None
                pace.wait(event.time_s)
                if csv:
                    csv.write(csv_row(event) + "\n")
                if event.state != state:
                    state = event.state
                    progress.say(f"{event.time_s:12.3f} s  {state}  {event.reason}".rstrip(), talk)
            elif isinstance(event, Identified) and event.restarted:
                who = event.identify
                progress.say(f"board {who.board}, boot {who.boot_id:08x}, {who.tick_hz} Hz", talk)
            elif isinstance(event, Refused) and event.reason != refusal:
                refusal = event.reason
                progress.say(refusal, talk)
    if refusal and not rows:
        raise DataError(refusal)
    if args.json:
        figures = {"seconds": rows, "published": published, "bad_records": pipeline.bad_records}
        print(json.dumps({**figures, "last": row_values(last) if last else None}))
        return finish(sources.problems)
    print(
        f"{rows} seconds, {published} with a published value, {pipeline.bad_records} bad records", file=talk
    )
    return finish(sources.problems)


class _Pace:
    """Waits so that board time passes at ``speed`` times real time; 0: does not wait."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.monotonic()

    def wait(self, time_s: float) -> None:
        if self._speed:
            time.sleep(max(0.0, self._start + time_s / self._speed - time.monotonic()))


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r}: expected max or a factor such as 10")
