"""A register-level TIM2: counts, wraps, captures, flags, and interrupts in the port's order.

Runs in MicroPython and CPython. Time is an absolute tick that ``advance`` moves on; the counter is its
low 32 bits, until device code writes CNT: then it counts on from there (RM0090: CNT may be written while it counts).
The register block is plain memory that device code reads and writes through pointers, so
what a write or read does to the hardware is worked out afterwards, from what the memory holds:
``SR`` is rc_w0 (a bit written 0 is cleared), and a callback is taken to have read its CCR.

With ECE set in SMCR (RM0090, external clock mode 2) the counter counts the clock at its ETR pin: ticks are that
clock's then, after the prescaler, and while the pin is not in its alternate function or nothing comes from outside
the counter stands still and time goes on. Captures go on too, and capture the same count. Left out: the
prescaler's and the filter's effect (a tick is what the world calls one), the one or two clocks that the real counter
takes to see an edge of ETR, and what it makes of a clock faster than a quarter of its own.

The interrupt follows ports/stm32/timer.c: the update flag first, then the channels, newest first; a
flag is cleared before its callback is called, and the heap is locked meanwhile. Between edge and handler,
and between clearing a channel's flag and the callback's read of CCR, time passes and further edges may come.
"""

import struct

import uctypes

try:
    from micropython import heap_lock as _heap_lock
    from micropython import heap_unlock as _heap_unlock
except ImportError:  # CPython

    def _heap_lock():
        pass

    _heap_unlock = _heap_lock

SMCR, SR, EGR, CCMR1, CNT, ARR, CCR1 = 0x08, 0x10, 0x14, 0x18, 0x24, 0x2C, 0x34
BLOCK_BYTES = 0x60
UIF = 1
ECE = 1 << 14  # of SMCR
NEVER = 1 << 200

IDLE, ENTERED, IN_CHANNEL = 0, 1, 2


class Tim2:
    """The timer and its interrupt line. Ticks are absolute, in counter ticks."""

    def __init__(self, entry_ticks=168, read_ticks=168):
        """``entry_ticks``: edge to handler; ``read_ticks``: flag cleared to CCR read."""
        self.block = bytearray(BLOCK_BYTES)
        self.address = uctypes.addressof(self.block)
        self.entry_ticks = entry_ticks
        self.read_ticks = read_ticks
        self.tick = 0
        self._sr = 0
        self._next_wrap = 1 << 32
        self.has_external = True  # a clock module is at the ETR pin, and on
        self.is_etr_wired = False  # the pin is in its alternate function
        self._stands_at = None  # the count of a counter without its clock
        self._ahead = 0  # what a write to CNT put the counter before the time, modulo 2**32
        self._update_callback = None
        self._channels = []  # [number, callback], newest first, as in the port
        self._phase = IDLE
        self._phase_at = 0
        self._current = None
        self._remaining = []

    # What pyb.Timer does to the hardware.

    def restart(self, tick):
        """Counter and extension to ``tick``; flags clear."""
        self.tick = tick
        self._next_wrap = ((tick >> 32) + 1) << 32
        self._ahead = 0
        self._stands_at = None
        self._sr = 0
        self._show()

    def on_update(self, callback):
        self._update_callback = callback

    def on_capture(self, number, callback):
        self._channels.insert(0, (number, callback))

    def stop(self):
        self._update_callback = None
        self._channels = []
        self._phase = IDLE

    # What the world does.

    def capture(self, number, tick):
        """An edge on timer channel ``number`` at ``tick``, not before now."""
        self.advance(tick)
        mask = 1 << number
        if self._sr & mask:
            self._sr |= 1 << (8 + number)
        self._sr |= mask
        struct.pack_into("<I", self.block, CCR1 + 4 * (number - 1), self._count(tick))
        self._request()
        self._show()

    def advance(self, tick):
        """Move on to ``tick``, running on the way whatever interrupts are due."""
        self._sync()  # what the main loop wrote
        while True:
            due = tick + 1
            if self._phase != IDLE and self._phase_at < due:
                due = self._phase_at
            if self._next_wrap < due:
                due = self._next_wrap
            if due > tick:
                break
            if due > self.tick:
                self.tick = due
            if due == self._next_wrap:
                self._next_wrap += 1 << 32
                self._sr |= UIF
                self._request()
            else:
                self._run_phase()
        if tick > self.tick:
            self.tick = tick
        self._show()

    # Interrupts.

    def _request(self):
        if self._phase == IDLE and self._wanted():
            self._phase = ENTERED
            self._phase_at = self.tick + self.entry_ticks

    def _wanted(self):
        wanted = UIF if self._update_callback else 0
        for number, _ in self._channels:
            wanted |= 1 << number
        return self._sr & wanted

    def _run_phase(self):
        if self._phase == ENTERED:
            if self._update_callback and self._sr & UIF:
                self._sr &= ~UIF
                self._call(self._update_callback)
            self._remaining = list(self._channels)
        else:
            number, callback = self._current
            self._call(callback)
            self._sr &= ~(1 << number)
        while self._remaining:
            self._current = self._remaining.pop(0)
            mask = 1 << self._current[0]
            if self._sr & mask:
                self._sr &= ~mask
                self._phase = IN_CHANNEL
                self._phase_at = self.tick + self.read_ticks
                self._show()
                return
        self._phase = IDLE
        self._request()  # an edge on a channel that was already looked at
        self._show()

    def _call(self, callback):
        self._show()
        _heap_lock()
        try:
            callback(None)
        finally:
            _heap_unlock()
        self._sync()

    # Registers.

    def _count(self, tick):
        if self._stands_at is not None:
            return self._stands_at
        return (tick + self._ahead) & 0xFFFFFFFF

    def _show(self):
        struct.pack_into("<I", self.block, SR, self._sr)
        struct.pack_into("<I", self.block, CNT, self._count(self.tick))

    def _sync(self):
        """Take over what device code wrote since ``_show``."""
        self._sr &= self.block[SR] | self.block[SR + 1] << 8
        written = struct.unpack_from("<I", self.block, CNT)[0]
        if written != self._count(self.tick):
            self._go_on_from(written)
        is_external = (self.block[SMCR] | self.block[SMCR + 1] << 8) & ECE
        self._set_clock(not is_external or (self.has_external and self.is_etr_wired))

    def _set_clock(self, is_there):
        if is_there and self._stands_at is not None:
            count, self._stands_at = self._stands_at, None
            self._go_on_from(count)
        elif not is_there and self._stands_at is None:
            self._stands_at = self._count(self.tick)
            self._next_wrap = NEVER

    def _go_on_from(self, count):
        if self._stands_at is not None:
            self._stands_at = count
            return
        self._ahead = (count - self.tick) & 0xFFFFFFFF
        self._next_wrap = self.tick + (1 << 32) - count
