"""Starts the device files in a VM on Linux, with the stand-ins in place of the port's modules.

``run.py TICK_HZ START_TICK BOOT_ID FEED_FD CONTROL_FD``, with device/, the board's folder and sim/ on
the path; the serial line is standard input and output. In CPython the stand-ins for MicroPython's own modules
(sim/cpython) are used too.
"""

import os
import sys

tick_hz, start_tick, boot_id, feed_fd, control_fd = (int(text, 0) for text in sys.argv[-5:])

FILES = ((feed_fd, "rb"), (control_fd, "rb"), (0, "rb"), (1, "wb"))
if sys.implementation.name == "micropython":
    files = [open(fd, mode) for fd, mode in FILES]
else:
    files = [open(fd, mode, buffering=0) for fd, mode in FILES]

from world import WORLD  # noqa: E402

WORLD.open(tick_hz, start_tick, boot_id.to_bytes(4, "little"), *files)

import simtime  # noqa: E402

if sys.implementation.name == "micropython":

    class _Os:
        """The board's ``os``: the real one, but a boot id from outside for its random bytes."""

        def __getattr__(self, name):
            return getattr(os, name)

        def urandom(self, count):
            return WORLD.boot_id[:count]

    sys.modules["time"] = simtime
    sys.modules["os"] = _Os()
else:
    import time

    sys.modules["tcxo.isr"] = None  # no native code here
    os.urandom = lambda count: WORLD.boot_id[:count]
    for name in ("ticks_ms", "ticks_add", "ticks_diff"):
        setattr(time, name, getattr(simtime, name))

import tcxo.app  # noqa: E402

tcxo.app.run()
