"""Everything around the simulated board: fed time and edges, the serial line, sensors. Both VMs.

The parent writes fixed-size events ``kind u8, tick u64, value i32`` into a pipe, the feed; nothing but
they moves the simulated counter and with it every clock of the board, so a run is as fast as the
machine and the same every time. ``idle`` lets at most IDLE_MS of simulated time and IDLE_EDGES edges pass.
A second such pipe, control, says when the line's reader comes, goes and stalls: not in the feed, which
may be full until the reader moves on.
"""

import select
import struct
import sys

from tim2 import Tim2
from tim4 import OutputTimer

EVENT = "<BQi"
EVENT_BYTES = 13
ADVANCE, CONNECTED, MCU_CDEG, EXTERNAL_CDEG, SUPPLY_MV, STALLED, CRASH, HANG, CLOCK = (
    0,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)

TIME, OTHER, NOT_YET = 0, 1, 2  # results of taking an event

# The real one sleeps until the next interrupt, 1 ms at most: slow to simulate.
IDLE_MS = 50
IDLE_EDGES = 50
USB_BUFFER_BYTES = 1024


class World:
    def __init__(self):
        self.timer = None
        self.output = OutputTimer()
        self.tick_hz = 84000000
        self.start_tick = 0
        self.boot_id = b"\0\0\0\0"
        self.reset_cause = 1
        self.is_connected = False
        self.is_stalled = False
        self.idle_ms = IDLE_MS
        self.leds = 0
        self.mcu_cdeg = 2500
        self.external_cdeg = 2500
        self.supply_mv = 3300
        self.watchdog_ms = 0
        self.fed_at = 0
        self.i2c_target = None
        self.i2c_hold_ms = 0
        self._i2c_at = None
        self._events = b""
        self._position = 0
        self._typed = bytearray()
        self._queued = bytearray()

    def open(self, tick_hz, start_tick, boot_id, feed, control, line_in, line_out, i2c_in, i2c_out):
        """The six are raw binary files; the inputs do not block."""
        self.tick_hz = tick_hz
        self.start_tick = start_tick
        self.boot_id = boot_id
        self.timer = Tim2()
        self.timer.restart(start_tick)
        self._feed = feed
        self._control = control
        self._line_in = line_in
        self._line_out = line_out
        self._i2c_in = i2c_in
        self._i2c_out = i2c_out
        self._poll = select.poll()
        self._poll.register(feed, select.POLLIN)
        self._poll.register(control, select.POLLIN)
        self._poll.register(line_in, select.POLLIN)
        self._poll.register(i2c_in, select.POLLIN)
        self._feed_poll = select.poll()
        self._feed_poll.register(feed, select.POLLIN)

    # Time.

    def ticks_ms(self):
        return (self.timer.tick * 1000 // self.tick_hz) & 0x3FFFFFFF

    def idle(self):
        data = self._control.read(EVENT_BYTES)
        if data:
            kind, _, value = struct.unpack(EVENT, data)
            self._happen(kind, value)
            return
        self._serve_i2c()
        self._watch()
        if self._position + EVENT_BYTES > len(self._events) and not self._refill(self._poll):
            return
        until = self.timer.tick + self.idle_ms * self.tick_hz // 1000
        while self._is_i2c_overdue():
            self._poll.poll()
            if not self._serve_i2c():
                return
        # Time passes in small turns, so that the loop sees it pass.
        for _ in range(IDLE_EDGES):
            if self._position + EVENT_BYTES > len(self._events) or self._take_event(until) != TIME:
                return

    def _take_event(self, until):
        """The next event, if it is due by tick ``until``. TIME: it was an edge or time; else OTHER or NOT_YET."""
        kind, tick, value = struct.unpack_from(EVENT, self._events, self._position)
        if kind <= 4 and tick > until:
            self._run_to(until)
            return NOT_YET
        self._position += EVENT_BYTES
        if kind > 4:
            self._happen(kind, value)
            return OTHER
        self._run_to(tick)
        if kind != ADVANCE:
            self.timer.capture(kind, tick)
        return TIME

    def _run_to(self, tick):
        """Time passes, and the board's own output makes its edges on the way."""
        output = self.output
        while output.next_update is not None and output.next_update <= tick:
            at = output.next_update
            if output.update():
                for number in output.wire:
                    self.timer.capture(number, at)
        self.timer.advance(tick)

    def _refill(self, poll):
        """Wait for what ``poll`` sees: more events, or something on the line. True when events came."""
        poll.poll()
        data = self._feed.read(65536 // EVENT_BYTES * EVENT_BYTES)
        if data == b"":
            sys.exit(0)  # the parent is gone
        if data is None:
            return False
        self._events = self._events[self._position :] + data
        self._position = 0
        return True

    def _happen(self, kind, value):
        if kind == CONNECTED:
            self.is_connected = bool(value)
            self._queued = bytearray()
            self._typed = bytearray()
        elif kind == STALLED:
            self.is_stalled = bool(value)
            self._drain()
        elif kind == MCU_CDEG:
            self.mcu_cdeg = value
        elif kind == EXTERNAL_CDEG:
            self.external_cdeg = value
        elif kind == SUPPLY_MV:
            self.supply_mv = value
        elif kind == CRASH:
            raise RuntimeError("simulated crash")
        elif kind == CLOCK:
            self.timer.has_external = bool(value)
        elif kind == HANG:
            self.pass_time(value * (self.tick_hz // 1000))

    def pass_time(self, ticks):
        """The main loop stands still for so long; interrupts go on."""
        until = self.timer.tick + ticks
        while self.timer.tick < until:
            if self._position + EVENT_BYTES > len(self._events):
                self._refill(self._feed_poll)
                continue
            if self._take_event(until) == NOT_YET:
                break
        self._watch()

    # The watchdog and the I2C bus.

    def _watch(self):
        ticks = self.watchdog_ms * (self.tick_hz // 1000)
        if ticks and self.timer.tick - self.fed_at > ticks:
            sys.exit(4)

    def _is_i2c_overdue(self):
        """A controller that polls more slowly than time is fed: the world waits for it."""
        if self._i2c_at is None or not self.i2c_hold_ms:
            return False
        return self.timer.tick - self._i2c_at > self.i2c_hold_ms * (self.tick_hz // 1000)

    def _serve_i2c(self):
        """One transfer: ``token u8, address u8, write length u16, read length u16``, bytes; answered with
        ``token u8, acknowledged u8, length u16``, bytes. False when none was wanted."""
        head = self._i2c_in.read(6)
        if not head:
            return False
        token, address, write_length, read_length = struct.unpack("<BBHH", head)
        written = self._i2c_in.read(write_length) if write_length else b""
        target = self.i2c_target
        if target is None or target.addr != address:
            self._i2c_out.write(struct.pack("<BBH", token, 0, 0))
            return True
        if write_length:
            target.on_write(written)
        answer = target.on_read(read_length) if read_length else b""
        self._i2c_at = self.timer.tick
        self._i2c_out.write(struct.pack("<BBH", token, 1, len(answer)) + bytes(answer))
        return True

    # The line.

    def has_input(self):
        return len(self.peek_input()) > 0

    def peek_input(self):
        data = self._line_in.read(256)
        if data:
            if b"\x03" in data:
                raise KeyboardInterrupt
            self._typed.extend(data)
        return self._typed

    def take_input(self, count):
        data = bytes(self._typed[:count])
        self._typed = self._typed[count:]
        return data

    def send(self, data):
        """Bytes taken, as USB_VCP.send(timeout=0). A reader that reads takes all; else a buffer fills."""
        if not self.is_connected:
            return 0
        if self.is_stalled:
            room = USB_BUFFER_BYTES - 1 - len(self._queued)
            taken = bytes(data[:room])
            self._queued.extend(taken)
            return len(taken)
        self.transmit(data)
        return len(data)

    def _drain(self):
        if self._queued and not self.is_stalled:
            self.transmit(self._queued)
            self._queued = bytearray()

    def transmit(self, data):
        data = bytes(data)
        while data:
            written = self._line_out.write(data)
            data = data[written or 0 :]


WORLD = World()
