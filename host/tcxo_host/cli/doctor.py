"""``tcxo-host doctor``: what is right, what is wrong, and the command that corrects it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["add_parser", "main"]

_EPILOG = """exit status: 0 all is well, 1 warnings, 2 failures

example:
  tcxo-host doctor
  tcxo-host doctor --link i2c:1:0x55
  tcxo-host doctor --root /mnt/pi --json
"""


def add_parser(subparsers: Any) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "doctor",
        help="check the Pi, the board, chrony and the service",
        description="Checks the whole way from the PWM pin to chrony; changes nothing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--link",
        metavar="URL",
        help="look at this board (serial:DEVICE or i2c:BUS:ADDRESS) instead of the configured one",
    )
    parser.add_argument("--root", default="/", metavar="DIR", help="look at a copy of a machine's files")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Examine, print, return the worst level."""
    from ..link.url import open_link
    from ..pi.doctor.examine import as_json, as_text, examine, make_subject, worst
    from ..pi.root import Root

    findings = examine(make_subject(Root(args.root), args.link, open_link))
    sys.stdout.write(as_json(findings) + "\n" if args.json else as_text(findings))
    return int(worst(findings))
