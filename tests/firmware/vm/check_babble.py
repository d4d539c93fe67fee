"""In MicroPython: a line that takes 64 bytes a turn of 6 ms, and on which commands come without end; status ticks."""

import world

here = world.World()
import tim2  # noqa: E402

SECOND = 84000000
TURN = SECOND * 6 // 1000


def idle():
    pass


here.timer = tim2.Tim2()
here.is_connected = True
here.has_input = lambda: True
here.take_input = lambda count: b"id\nrubbish\n"
here.send = lambda data: min(64, len(data))
here.idle = idle
world.WORLD = here
import sys  # noqa: E402

import simtime  # noqa: E402

sys.modules["time"] = simtime
from tcxo import reports  # noqa: E402
from tcxo.app import App  # noqa: E402

told = []
write_status = reports.write_status


def note_status(builder, uptime_s, tick, *rest):
    told.append((uptime_s, sum([drops for _, _, _, drops in rest[-1]])))
    write_status(builder, uptime_s, tick, *rest)


reports.write_status = note_status
app = App()
pwm_at = 0
for _ in range(10 * SECOND // TURN):
    until = here.timer.tick + TURN
    while pwm_at + SECOND // 50 < until:
        pwm_at += SECOND // 50
        here.timer.capture(3, pwm_at)
    here.timer.advance(until)
    app.step()
print("told", [uptime for uptime, _ in told], "lost", told[-1][1] if told else None)
