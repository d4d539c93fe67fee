"""The daemon of ``tcxo-host simulate --via i2c``: ``tcxo-host run`` on a bus behind a unix socket.

``python -m tcxo_host.cli.simulate.i2c SOCKET SPEED --link i2c:1:0x55 ...``: the options are those of ``run``; the
link's clock runs ``SPEED`` times as fast. All above the bus is what runs on a Pi.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from ...link.i2c import I2cLink
from ...sim.i2c_socket import SocketBus
from .. import run
from ..program import Parser, run_command

__all__ = ["main"]


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    path, speed, *options = sys.argv[1:]
    factor = float(speed)

    def open_link(url: str, baud: int) -> I2cLink:
        def open_bus(bus: int) -> Any:
            return SocketBus(path)

        return I2cLink(
            url.partition(":")[2],
            open_bus,
            clock=lambda: time.monotonic() * factor,
            pause=lambda seconds: time.sleep(seconds / factor),
        )

    parser = Parser(prog="tcxo-host")
    run.add_parser(parser.add_subparsers())
    args = parser.parse_args(["run", *options])
    args.main = lambda args: run.run(args, open_link)
    return run_command(args, "tcxo-host")


if __name__ == "__main__":
    sys.exit(main())
