"""A clock from outside: does the counter run as fast as the board's data say? Main-loop code."""

from time import ticks_diff

_SHORTEST_MS = 500
_TELL_EVERY = 10  # looks
_TOLERANCE = 50  # one part in so many: a loop that is some milliseconds late is no wrong clock


class ClockWatch:
    """Compares the counter with the board's own milliseconds, which go on without the clock."""

    def __init__(self, clock, tick_hz):
        self._pin = clock["pin"]
        self._tick_hz = tick_hz
        self._last = None
        self._untold = 0
        self._stood = False
        self.is_counting = False
        self.has_counted = False

    def look(self, tick, now_ms):
        """Once a second: sets ``is_counting``. Returns what is wrong when it is to be told (again), else ``""``."""
        if self._last is None:
            self._last = (tick, now_ms)
            return ""
        last_tick, last_ms = self._last
        elapsed_ms = ticks_diff(now_ms, last_ms)
        if elapsed_ms < _SHORTEST_MS:
            return ""
        self._last = (tick, now_ms)
        seen_hz = (tick - last_tick) * 1000 // elapsed_ms
        self.is_counting = abs(seen_hz - self._tick_hz) * _TOLERANCE <= self._tick_hz
        if self.is_counting:
            self.has_counted = True
            self._untold = 0
            return ""
        stands = seen_hz * _TOLERANCE < self._tick_hz
        if stands != self._stood:
            # The second in which a clock goes is a slow one: what came of it is told at once.
            self._stood, self._untold = stands, 0
        self._untold = (self._untold or _TELL_EVERY) - 1
        if self._untold != _TELL_EVERY - 1:
            return ""
        if stands:
            return (
                "no clock at %s: the counter stands still; is the module on, and its wire in place?"
                % self._pin
            )
        return "wrong clock at %s: the counter runs at %d kHz, board_config says %d" % (
            self._pin,
            seen_hz // 1000,
            self._tick_hz // 1000,
        )
