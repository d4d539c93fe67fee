"""In MicroPython: what the sensors report of a converter that gives impossible values, a line of JSON a case."""

import json

from world import WORLD

WORLD.timer = type("timer", (), {"address": 0, "tick": 0})
import pyb  # noqa: E402
from tcxo.health import Sensors  # noqa: E402

INF, NAN = float("inf"), float("nan")
# As ports/stm32/adc.c gives them: (calibration - calibration) in the denominator, a reference that reads 0, or words
# that are erased or zero.
CASES = (
    (3.3, 25.0),
    (INF, INF),
    (INF, -INF),
    (NAN, NAN),
    (3.3, NAN),
    (0.0, 25.0),
    (0.0, 30.0),
    (178.7, 25.0),
    (3.3, 4000.0),
    (3.3, -273.0),
    (1e38, 1e38),
)

WORLD.external_cdeg = 2500
for volt, celsius in CASES:
    pyb.ADCAll.read_vref = lambda self, value=volt: value
    pyb.ADCAll.read_core_temp = lambda self, value=celsius: value
    print(json.dumps(Sensors({"mcu_sensors": True, "tmp36_pin": "X8"}).read()))
