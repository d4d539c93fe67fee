"""Starts the device files in a VM on Linux, with the stand-ins in place of the port's modules.

``run.py TICK_HZ START_TICK BOOT_ID RESET_CAUSE HOLD_MS FDS...``, with device/, the board's folder and sim/ on
the path; the serial line is standard input and output. In CPython the stand-ins for MicroPython's own modules
(sim/cpython) are used too.
"""

import os
import sys

numbers = [int(text) for text in sys.argv[-9:]]
tick_hz, start_tick, boot_id, reset_cause, hold_ms = numbers[:5]

# feed, control, line in and out, I2C in and out
FILES = tuple(zip(numbers[5:7] + [0, 1] + numbers[7:], ("rb", "rb", "rb", "wb", "rb", "wb")))  # noqa: RUF005
if sys.implementation.name == "micropython":
    files = [open(fd, mode) for fd, mode in FILES]
else:
    files = [open(fd, mode, buffering=0) for fd, mode in FILES]

from world import WORLD  # noqa: E402

WORLD.open(tick_hz, start_tick, boot_id.to_bytes(4, "little"), *files)
WORLD.reset_cause = reset_cause
WORLD.i2c_hold_ms = hold_ms

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
    import traceback

    sys.print_exception = lambda error, stream: traceback.print_exception(error, file=stream)
    sys.modules["tcxo.isr"] = None  # no native code here
    os.urandom = lambda count: WORLD.boot_id[:count]
    for name in ("ticks_ms", "ticks_add", "ticks_diff", "sleep_ms"):
        setattr(time, name, getattr(simtime, name))

import main  # noqa: E402,F401
