"""``tcxo-host run``: the daemon."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..link.interface import Link

__all__ = ["add_parser", "main", "run", "set_up_logging"]

EXAMPLE = """\
example:
  tcxo-host run --link serial:/dev/serial/by-id/usb-MicroPython_Pyboard-if00 --output /run/tcxo
  tcxo-host run --print-config > tcxo-host.toml
  tcxo-host run --link sim:day --output /tmp/tcxo --status /tmp/status.json
"""


def add_parser(subparsers: Any) -> None:
    """Add ``run`` and its options."""
    parser = subparsers.add_parser(
        "run",
        help="follow the board and write the file chrony reads (the default command)",
        description="Follow the board and write the file chrony reads. Options override the configuration file.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="TOML configuration (default: built-in values)")
    parser.add_argument("--link", metavar="URL", help="serial:/dev/ttyACM0 (default), i2c:1:0x55, sim:day, …")
    parser.add_argument("--baud", type=int, help="line rate of a UART (USB ignores it)")
    parser.add_argument("--output", metavar="PATH", help="the file chrony reads (default /run/tcxo)")
    parser.add_argument("--status", metavar="PATH", help="write a JSON status file once a second")
    parser.add_argument("--trace", metavar="PATH", help="append a JSON line a second")
    parser.add_argument("--record", metavar="DIR", help="also keep what the board sends, for tcxo-dump")
    parser.add_argument(
        "--estimator", metavar="NAME", help="how edges become a frequency: kalman (default) or boxcar64"
    )
    parser.add_argument("--state", metavar="FILE", help="keep what was learned across restarts")
    parser.add_argument(
        "--measure-only",
        action="store_const",
        const=True,
        help="measure and report, but write no file for chrony (also a PWM that is on another crystal)",
    )
    parser.add_argument(
        "--ignore-chrony",
        action="store_const",
        const=False,
        dest="ask_chrony",
        help="do not ask chronyd what it corrects by itself (simulations)",
    )
    parser.add_argument("--no-retry", action="store_true", help="exit with 69 when the link is not there")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    parser.add_argument(
        "--print-config", action="store_true", help="print the settings as a commented TOML file, and end"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Run the daemon until SIGTERM or SIGINT."""
    if is_simulated(args.link):
        from .simulate.board import open_simulated

        return run(args, open_simulated)
    from ..link.url import open_link

    return run(args, open_link)


def is_simulated(url: str | None) -> bool:
    """Whether the command line names a simulated board; a configuration file cannot."""
    return (url or "").startswith("sim:")


def run(args: argparse.Namespace, open_link: Callable[[str, int], Link]) -> int:
    """``main`` with a way to open links."""
    from ..config.load import load_config, override
    from ..config.settings import Config
    from ..config.text import config_text
    from ..daemon.loop import Daemon
    from ..pi.chrony.config import added_ppm
    from ..pi.root import Root
    from ..pi.source import ready_source
    from ..pi.uart.feeder import Feeder

    config = load_config(args.config) if args.config else Config()
    config = override(config, "link", url=None if is_simulated(args.link) else args.link, baud=args.baud)
    output = {"path": args.output, "status": args.status, "trace": args.trace}
    config = override(config, "output", measure_only=args.measure_only, ask_chrony=args.ask_chrony, **output)
    config = override(config, "estimator", name=args.estimator)
    config = override(config, "state", path=args.state)
    config = override(config, "record", dir=args.record)
    config = override(config, "log", level=args.log_level)
    if is_simulated(args.link):
        from .simulate.board import for_simulated

        config = for_simulated(config, args)
    if args.print_config:
        print(config_text(config), end="")
        return 0
    set_up_logging(config.log.level)
    watch = ready_source(Root(), config)
    bias_ppm = watch.bias_ppm if watch else 0.0
    phase = None
    if config.phase.enabled:
        from ..pi.phase_output import open_phase

        phase = open_phase(config, Root(), bias_ppm, watch or (lambda: ""))
    ptp = None
    if config.ptp.enabled:
        from ..pi.ptp.quality_output import PtpOutput

        ptp = PtpOutput(config.ptp, Root())
    feeder = watch if isinstance(watch, Feeder) else None
    try:
        Daemon(
            config,
            retry=not args.no_retry,
            pwm_problem=watch,
            pwm_bias_ppm=bias_ppm,
            chrony_adds_ppm=added_ppm(Root(), config.output.path),
            phase=phase,
            ptp=ptp,
            each_turn=feeder.turn if feeder else lambda: None,
            open_link=open_link,
        ).run()
    finally:
        if feeder:
            feeder.close()
    return 0


class _JournalFormatter(logging.Formatter):
    """Prefixes the priority that journald understands (sd-daemon(3)); journald adds the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        priority = {"ERROR": 3, "WARNING": 4, "INFO": 6}.get(record.levelname, 7)
        return f"<{priority}>{super().format(record)}"


def set_up_logging(level: str) -> None:
    """Events to stderr, a line each."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
