"""In MicroPython: what setting up the capture leaves in the timer's registers and asks of the port, as JSON."""

import json
import struct

import tim2
import world

here = world.World()
here.timer = tim2.Tim2()
world.WORLD = here
import pyb  # noqa: E402

asked = []
port_channel = pyb.Timer.channel


def channel(self, number, mode, pin, polarity, callback):
    asked.append((number, pin.name, "falling" if polarity == pyb.Timer.FALLING else "rising"))
    port_channel(self, number, mode, pin, polarity, callback)


pyb.Timer.channel = channel
from tcxo.capture import Capture  # noqa: E402

# What the port leaves there: each channel wired to its own pin.
struct.pack_into("<HHHH", here.timer.block, tim2.CCMR1, 0x0101, 0, 0x0101, 0)
Capture(
    [
        {"id": 1, "pin": "X1", "edge": "rising"},
        {"id": 3, "pin": "X3", "edge": "falling"},
        {"id": 4, "pin": "X4"},
    ],
    256,
)
print(json.dumps({"asked": asked, "ccmr": struct.unpack_from("<HHHH", here.timer.block, tim2.CCMR1)}))
