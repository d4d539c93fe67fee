"""In MicroPython: the self-test's output timer through ``pyb``, joined to TIM2's channel 1, as JSON.

An edge is ``(tick, what the channel's CCR holds then)``.
"""

import json
import struct

import tim2
import world

CNT = tim2.CNT
PERIOD = 1000 * 28
edges = []


class Timer(tim2.Tim2):
    def capture(self, number, tick):
        super().capture(number, tick)
        edges.append((tick, word(tim2.CCR1 + 4 * (number - 1))))


def word(offset):
    return struct.unpack_from("<I", here.timer.block, offset)[0]


def edges_until(tick):
    here._run_to(tick)
    found = list(edges)
    edges.clear()
    return found


here = world.World()
here.timer = Timer()
here.output.wire = [1]
world.WORLD = here
import pyb  # noqa: E402

told = {}
output = pyb.Timer(4)
output.init(prescaler=27, period=999)
told["without a channel"] = edges_until(3 * PERIOD)
signal = output.channel(3, pyb.Timer.PWM, pin=pyb.Pin("Y3"), pulse_width=0)
told["width 0"] = edges_until(5 * PERIOD + 300)
signal.pulse_width(500)
told["on"] = edges_until(8 * PERIOD + 400)
signal.pulse_width(0)
told["off"] = edges_until(12 * PERIOD + 77)
signal.pulse_width(1)
output.init(prescaler=13, period=999)  # UG: the counter starts anew, with what was written
told["after init"] = edges_until(14 * PERIOD + 77)
output.deinit()
told["after deinit"] = edges_until(20 * PERIOD)

struct.pack_into("<I", here.timer.block, CNT, 0xFFFFFFFF - PERIOD)
here._run_to(20 * PERIOD + 10)
told["counter after a write"] = word(CNT)
output.init(prescaler=27, period=999)
output.channel(3, pyb.Timer.PWM, pin=pyb.Pin("Y3"), pulse_width=500)
told["over the wrap"] = edges_until(22 * PERIOD + 10)
told["update flag"] = word(tim2.SR) & 1
told["refused"] = []
for number, prescaler, period in ((3, 0, 1), (4, 1 << 16, 1), (4, 0, 1 << 16)):
    try:
        pyb.Timer(number).init(prescaler, period)
    except ValueError as error:
        told["refused"].append(str(error))
print(json.dumps(told))
