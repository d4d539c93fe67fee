"""``tcxo-host run --link sim:SCENARIO``: the daemon on a simulated board, kept away from this machine's clock."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import UsageError

if TYPE_CHECKING:
    from ...config.settings import Config
    from ...sim.link import SimulatedLink

__all__ = ["for_simulated", "open_simulated"]


def open_simulated(url: str, baud: int) -> SimulatedLink:
    """As ``link.url.open_link`` for a simulated board."""
    from ...sim.link import SimulatedLink

    return SimulatedLink(url)


def for_simulated(config: Config, args: argparse.Namespace) -> Config:
    """``config`` for a simulated board: it writes only what the command line names, and asks nobody about this machine.

    Raises UsageError where it would reach chronyd unasked, and for a scenario that is not there.
    """
    if not args.output and not config.output.measure_only:
        raise UsageError(
            f"--link {args.link}: a simulation would correct this machine's clock through {config.output.path}:"
            " name another file with --output, or give --measure-only"
        )
    if config.output.sock or config.phase.enabled:
        raise UsageError(
            f"--link {args.link}: output.sock and phase.enabled would hand chronyd a simulated clock:"
            " leave --config out, or take them out of it"
        )
    open_simulated(args.link, 0)
    output = replace(config.output, status=args.status or "", trace=args.trace or "", ask_chrony=False)
    return replace(
        config,
        link=replace(config.link, url=args.link),
        output=output,
        state=replace(config.state, path=args.state or ""),
        record=replace(config.record, dir=args.record or ""),
        pwm=replace(config.pwm, mode="off"),
        gps=replace(config.gps, gpsd=""),
    )
