"""In MicroPython: the whole application for some seconds on the register-level timer; its bytes in hex.

Edges at counter values on both sides of every limit of small integers, through several wraps.
"""

import json
import os
import sys
from binascii import hexlify

import tim2
import world

SECOND = 84000000


class World(world.World):
    """Fed from here: no pipes and no poll, which WebAssembly has not."""

    def __init__(self):
        super().__init__()
        self.timer = tim2.Tim2()
        self.is_connected = True
        self.sent = bytearray()

    def idle(self):
        pass

    def has_input(self):
        return False

    def send(self, data):
        self.sent.extend(data)
        return len(data)


here = World()
world.WORLD = here
import simtime  # noqa: E402


class _Os:
    def __getattr__(self, name):
        return getattr(os, name)

    def urandom(self, count):
        return b"\xff\xff\xff\xff"[:count]


sys.modules["time"] = simtime
sys.modules["os"] = _Os()
from tcxo.app import App  # noqa: E402

app = App()
fed = []  # channel and tick: neighbours one tick apart, so on two channels
for epoch in range(3):
    for low in (1000, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xBFFFFFFF, 0xC0000000, 0xFFFFFFFF):
        tick = (epoch << 32) + low
        while here.timer.tick + SECOND // 2 < tick:
            here.timer.advance(here.timer.tick + SECOND // 2)
            app.step()
        channel = 3 if fed and fed[-1][0] == 1 else 1
        here.timer.capture(channel, tick)
        fed.append((channel, tick))
    app.step()
for _ in range(4):
    here.timer.advance(here.timer.tick + SECOND // 2)
    app.step()
print("fed", json.dumps(fed))
print("sent", hexlify(here.sent).decode())
