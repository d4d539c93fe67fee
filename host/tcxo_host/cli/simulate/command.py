"""``tcxo-host simulate``: a simulated board and the real daemon, judged against the truth."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UsageError

if TYPE_CHECKING:
    from ...sim.simulation import Progress

__all__ = ["add_parser", "main"]

_A_WEEK_S = 7 * 86400

EXAMPLE = """\
The simulated board runs the firmware's own files in MicroPython; its bytes reach the daemon over a pty.
true_ppm is what a perfect daemon would have written: minus the Pi clock's true frequency error (less the
baseline) over the second in which chrony uses the value, so published_ppm - true_ppm is the error.

example:
  tcxo-host simulate --scenario load --seconds 600 --speed 60
  tcxo-host simulate --live
"""


def add_parser(subparsers: Any) -> None:
    """Add ``simulate`` and its options."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a simulated board and the daemon together, and compare with the truth",
        description="Run a simulated board and the daemon together, and compare what it publishes with the truth.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scenario", metavar="NAME", default="steady", help="a name (see --list) or a .toml file"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios and exit")
    parser.add_argument(
        "--seconds", type=int, metavar="N", help="simulated seconds (default 300; with --live until q)"
    )
    parser.add_argument("--speed", type=float, metavar="X", default=20.0, help="times real time (default 20)")
    parser.add_argument("--seed", type=int, metavar="S", default=1, help="same seed, same edges (default 1)")
    parser.add_argument(
        "--output", metavar="PATH", help="the file the daemon writes (default: a temporary one)"
    )
    parser.add_argument("--estimator", metavar="NAME", help="as for run")
    parser.add_argument(
        "--via", choices=("serial", "i2c"), default="serial", help="the link (default serial)"
    )
    parser.add_argument(
        "--phase",
        action="store_true",
        help="GPS samples for chrony instead: a simulated Pi with pin and clocks, as fast as it goes;"
        " --output takes each second's true error as CSV",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="show the daemon's screen, as status --watch does, and serve its metrics (needs the extra 'live')",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON line at the end")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the simulation and print its summary; 0 whatever the figures are."""
    from ...sim.scenario import load_scenario, scenario_names
    from ...sim.simulation import Simulation
    from ...sim.world import World

    if args.list:
        for name in scenario_names():
            print(f"{name:16} {load_scenario(name).description}")
        return 0
    if args.live and (args.json or args.phase):
        raise UsageError("--live is for people and for the daemon: it goes with neither --json nor --phase")
    if args.seconds is None:
        args.seconds = _A_WEEK_S if args.live and sys.stdout.isatty() else 300
    if args.seconds < 1 or not 0 < args.speed <= 10_000:
        raise UsageError("--seconds must be at least 1, --speed above 0 and at most 10000")
    # Ended in an orderly way by each, a closed terminal too: the daemon and the board's process are not left running.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if args.phase:
        from .phase import run_phase

        figures = run_phase(load_scenario(args.scenario), args.seconds, args.seed, args.output)
        print(json.dumps(figures) if args.json else "\n".join(f"{k:16} {v}" for k, v in figures.items()))
        return 0
    world = World(load_scenario(args.scenario), args.seed)
    options = ["--log-level", "warning"] + (["--estimator", args.estimator] if args.estimator else [])
    with tempfile.TemporaryDirectory(prefix="tcxo-simulate-") as folder:
        output = args.output or str(Path(folder) / "tcxo")

        def start(log: Any = None) -> Simulation:
            return Simulation(
                world,
                output,
                Path(folder),
                speed=args.speed,
                daemon_options=options,
                seed=args.seed,
                via=args.via,
                log=log,
            )

        if args.live:
            summary = _run_live(args, start, Path(folder), options)
        else:
            screen = _Screen(args.seconds)
            with start() as simulation:
                summary = simulation.run(args.seconds, screen.show)
            screen.close()
    _print_summary(summary, args, sys.stderr if args.json else sys.stdout)
    if args.json:
        print(json.dumps(summary))
    return 0


def _run_live(args: argparse.Namespace, start: Any, folder: Path, options: list[str]) -> dict[str, Any]:
    from .live import Metrics, run_live

    metrics = Metrics.choose()
    config = folder / "daemon.toml"
    config.write_text(metrics.settings)
    options += ["--config", str(config)]
    return run_live(
        start, folder, args.seconds, f"{args.scenario} at {args.speed:g} times real time", metrics
    )


class _Screen:
    """A line that updates in place on a terminal; otherwise a plain line every few seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._terminal = sys.stderr.isatty()
        self._calls = 0

    def show(self, progress: Progress) -> None:
        """Called about once a second."""
        self._calls += 1
        if not self._terminal and self._calls % 5 != 1:
            return
        status = progress.status
        published = status.get("published_ppm")
        shown = "nothing yet" if published is None else f"{published:+.6f} ppm"
        line = (
            f"{progress.second:6d}/{self._seconds} s  {status.get('state', 'start'):8}"
            f" published {shown}  true {progress.true_ppm:+.6f} ppm"
        )
        print(f"\r{line:78}" if self._terminal else line, end="" if self._terminal else "\n", file=sys.stderr)
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line that was updated in place."""
        if self._terminal and self._calls:
            print(file=sys.stderr)


def _print_summary(summary: dict[str, Any], args: argparse.Namespace, file: Any) -> None:
    def number(value: float | None, form: str = "+.6f", unit: str = " ppm") -> str:
        return "none" if value is None else f"{value:{form}}{unit}"

    rows = [
        ("scenario", f"{summary['scenario']}, {summary['seconds']} s at {args.speed:g} times real time"),
        ("firmware ran in", summary["vm"]),
        ("state", f"{summary['state']} {summary['reason'] or ''}".rstrip()),
        *(
            (f"edges {role}", f"{counts['edges']} seen, {counts['lost']} lost")
            for role, counts in summary["channels"].items()
        ),
        ("frames", f"{summary['bad_frames']} bad, {summary['lost_frames']} lost"),
        ("first published", f"after {number(summary['first_publish_s'], '.0f', ' s')}"),
        ("last published", f"{number(summary['published_ppm'])}, true {number(summary['true_ppm'])}"),
        (
            "error",
            f"rms {number(summary['rms_error_ppm'], '.6f')}, worst {number(summary['worst_error_ppm'], '.6f')}",
        ),
        (
            "daemon",
            f"{number(summary['rss_mib'], '.1f', ' MiB')},"
            f" {number(summary['cpu_s_per_h'], '.1f', ' s')} CPU an hour",
        ),
    ]
    for name, text in rows:
        print(f"{name:16} {text}", file=file)
