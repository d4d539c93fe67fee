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
ccmr = struct.unpack_from("<HHHH", here.timer.block, tim2.CCMR1)

alternate = []
port_pin = pyb.Pin


class Pin(port_pin):
    def __init__(self, name, mode=port_pin.IN, pull=port_pin.PULL_NONE, alt=-1):
        super().__init__(name, mode, pull, alt)
        if mode == port_pin.ALT:
            alternate.append((name, alt))


pyb.Pin = Pin
smcr, clocked_hz = [], []
for divide in (1, 2, 4, 8):
    clocked = Capture([{"id": 2, "pin": "X2"}], 256, {"pin": "X6", "hz": 10000000, "divide": divide})
    smcr.append("{:04x}".format(*struct.unpack_from("<I", here.timer.block, tim2.SMCR)))
    clocked_hz.append(clocked.tick_hz)
clocked.close()
print(
    json.dumps(
        {
            "asked": asked[:3],
            "ccmr": ccmr,
            "alternate": alternate[:1],
            "smcr": smcr,
            "clocked_hz": clocked_hz,
            "closed_smcr": struct.unpack_from("<I", here.timer.block, tim2.SMCR)[0],
        }
    )
)
