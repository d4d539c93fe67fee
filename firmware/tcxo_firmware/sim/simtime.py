"""The board's ``time``: milliseconds of simulated time."""

from world import WORLD

_PERIOD = 1 << 30


def ticks_ms():
    return WORLD.ticks_ms()


def sleep_ms(duration_ms):
    """Only the feed moves time: nothing to wait for."""


def ticks_add(ticks, delta):
    return (ticks + delta) % _PERIOD


def ticks_diff(end, start):
    return (end - start + _PERIOD // 2) % _PERIOD - _PERIOD // 2
