"""In MicroPython: the watchdog is fed for a counter that moves, and only then."""

from world import WORLD

WORLD.timer = type("timer", (), {"address": 0, "tick": 0})
import machine  # noqa: E402

fed = []
machine.WDT.feed = lambda self: fed.append(1)
from tcxo.health import Watchdog  # noqa: E402

watchdog = Watchdog(30000)
fed.clear()
for tick in (1000, 2000, 2000, 2000):
    watchdog.feed(tick)
print(f"fed {len(fed)} of 4")
