"""True time in a guest whose crystal wanders: a reference clock for chronyd, and the judge of what comes of it.

A guest's raw counter is the host's, and as steady. So it is taken for the crystal of the simulated world, which the
board outside measures, and true time is worked out from it: chronyd, which has nothing but the guest's clock and this
reference, cannot tell that from a crystal that really wanders. What stands in is the receiver's pulse on a pin:
samples come by ``refclock SOCK``, with the noise of an emulated machine's clock reads.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from tcxo_host.publish.clock_pair import read_pair
from tcxo_host.publish.refclock import pack_sample
from tcxo_host.sim.world import World

SOCK = "/run/chrony.true.sock"
LINE = f"refclock SOCK {SOCK} refid TRUE poll 0 delay 1e-5"
EVERY_S = 0.25


class Reference(threading.Thread):
    """``world`` goes by from its second ``since_s`` on; ``seen`` gets (system time, true time minus it), s."""

    def __init__(self, world: World, since_s: float) -> None:
        super().__init__(daemon=True)
        pair = read_pair()
        assert pair is not None
        self.seen: list[tuple[float, float]] = []
        self._world, self._since_s, self._start = world, since_s, pair
        self._over = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._tell()

    def stop(self) -> None:
        """Tell no more."""
        self._over.set()
        self.join()
        self._socket.close()

    def _tell(self) -> None:
        pair = read_pair()
        if pair is None:  # the clock was stepped meanwhile
            return
        counted_ns = pair.raw_ns - self._start.raw_ns
        # the crystal's error is looked up at its own reading instead of at true time: 1e-8 s and less, and constant
        shown_s = self._since_s + counted_ns / 1e9
        crystal_s = self._world.pi_error_s(shown_s) - self._world.pi_error_s(self._since_s)
        offset_s = (counted_ns - (pair.real_ns - self._start.real_ns)) / 1e9 - crystal_s
        self.seen.append((pair.real_ns / 1e9, offset_s))
        with contextlib.suppress(OSError):  # chronyd is not there yet
            self._socket.sendto(pack_sample(pair.real_ns, offset_s), SOCK)
