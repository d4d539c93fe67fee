"""Faults for the self-test to find, each a function that plants it in the simulated board."""

import machine
import pyb
from tim2 import Tim2
from tim4 import OutputTimer
from world import WORLD

MANY = 100  # edges before the fault: in the first step


def a_lost_edge():
    """The wire lets go for one edge."""
    update = OutputTimer.update
    count = [0]

    def update_but_one(timer):
        rises = update(timer)
        count[0] += rises
        return rises and count[0] != MANY

    OutputTimer.update = update_but_one


def an_edge_doubled():
    """The wire bounces: an edge more, 100 us after the real one."""
    _capture_again(WORLD.tick_hz // 10000)


def a_wrong_clock():
    """The output timer runs on an oscillator of its own, 10 ppm slow."""
    update = OutputTimer.update
    behind = [0]

    def update_late(timer):
        behind[0] += timer._period_ticks
        rises = update(timer)
        timer.next_update += behind[0] // 100000
        behind[0] %= 100000
        return rises

    OutputTimer.update = update_late


def a_wrap_counted_twice():
    """One update event of the counter is handled twice."""
    on_update = Tim2.on_update

    def on_update_twice(timer, callback):
        count = [0]

        def twice(source):
            callback(source)
            count[0] += 1
            if count[0] == 2:
                callback(source)

        on_update(timer, twice)

    Tim2.on_update = on_update_twice


def a_frozen_main_loop():
    """The main loop stands still for 5 s, once."""
    update, idle = OutputTimer.update, machine.idle
    count = [0]

    def update_and_count(timer):
        count[0] += 1
        return update(timer)

    def idle_long():
        idle()
        if count[0] > MANY:
            count[0] = -1000000
            WORLD.pass_time(5 * WORLD.tick_hz)

    OutputTimer.update = update_and_count
    machine.idle = idle_long


def a_driven_wire():
    """Something else holds the wire high."""
    pyb.Pin.value = lambda pin: 1


def an_exception():
    """The board's part breaks off."""

    def fail(timer, prescaler, period, tick):
        raise ValueError("planted")

    OutputTimer.init = fail


def an_overcapture():
    """The wire bounces within the interrupt's time: an edge more, 1 us after the real one."""
    _capture_again(WORLD.tick_hz // 1000000)


def a_low_supply():
    WORLD.supply_mv = 2400


def _capture_again(later_ticks):
    capture = Tim2.capture
    count = [0]

    def capture_twice(timer, number, tick):
        capture(timer, number, tick)
        count[0] += 1
        if count[0] == MANY:
            capture(timer, number, tick + later_ticks)

    Tim2.capture = capture_twice
