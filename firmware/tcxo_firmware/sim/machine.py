"""Stand-in for the port's ``machine``."""

import sys

from world import WORLD

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 0


def reset_cause():
    return WORLD.reset_cause


def reset():
    sys.exit(3)


def idle():
    """Sleep until the next interrupt: here, let simulated time pass as far as the feed says."""
    WORLD.idle()


class WDT:
    """Resets like the real one: a board that did not feed it in time ends."""

    def __init__(self, timeout):
        if not 1 <= timeout <= 32768:
            raise ValueError("WDT timeout out of range")
        WORLD.watchdog_ms = timeout
        self.feed()

    def feed(self):
        WORLD.fed_at = WORLD.timer.tick


class Timer:
    PERIODIC = 1

    def __init__(self, number, period, mode, callback):
        pass


class I2CTarget:
    """Memory mode: what the controller does to ``mem`` happens between two turns of the loop."""

    def __init__(self, bus, addr, mem, mem_addrsize):
        if mem_addrsize != 16:
            raise ValueError("the simulated bus knows 16-bit memory addresses")
        self.memaddr = 0
        WORLD.i2c_target = self
        self.addr = addr
        self.mem = mem
        self._position = 0

    def on_write(self, data):
        """Register address, most significant byte first, then bytes for the memory."""
        if len(data) >= 2:
            self._position = (data[0] << 8 | data[1]) % len(self.mem)
            self.memaddr = self._position
        for value in data[2:]:
            self.mem[self._position] = value
            self._position = (self._position + 1) % len(self.mem)

    def on_read(self, count):
        data = bytearray()
        for _ in range(count):
            data.append(self.mem[self._position])
            self._position = (self._position + 1) % len(self.mem)
        # The real controller fetches one byte ahead of what is read.
        self._position = (self._position + 1) % len(self.mem)
        return data
