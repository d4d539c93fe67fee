"""In MicroPython: boot ids of a chip without a random number generator, one for each line of noise given."""

import sys

import world

world.WORLD.timer = type("timer", (), {"address": 0, "tick": 0})
import machine  # noqa: E402
import pyb  # noqa: E402


class _Os:
    """As on an STM32F411: no ``urandom``."""


sys.modules["os"] = _Os()
from tcxo import board  # noqa: E402

noise = [1480]


def read_channel(self, channel):
    """The reference as a 12-bit converter sees it: its lowest bits are noise."""
    assert channel == 17
    noise.append((noise[-1] * 1103515245 + 12345) & 0x7FFFFFFF)
    return 1480 + (noise[-1] >> 20) % 4


pyb.ADCAll.read_channel = read_channel
machine.unique_id = lambda: b"the same chip"
for _ in range(50):
    print(board.boot_id())
