"""In MicroPython: what the LEDs show in each condition, second by second, as bit masks."""

import json
import sys

from world import WORLD

WORLD.timer = type("timer", (), {"address": 0, "tick": 0})
from tcxo.health import Lights  # noqa: E402


def shown(lights, seconds, **condition):
    history = []
    for _ in range(seconds):
        lights.show(**condition)
        history.append(WORLD.leds)
    return history


lights = Lights(json.loads(sys.argv[-1]))
print(
    json.dumps(
        {
            "streaming": shown(lights, 4, is_streaming=True, has_gps=True, faults=0),
            "no GPS": shown(lights, 4, is_streaming=True, has_gps=False, faults=0),
            "no reader": shown(lights, 4, is_streaming=False, has_gps=True, faults=0),
            "fault": shown(lights, 12, is_streaming=True, has_gps=True, faults=1),
            "no clock": shown(lights, 14, is_streaming=False, has_gps=False, faults=1, is_broken=True),
        }
    )
)
