"""The timer: the one module that touches pyb and stm. Sets up input capture and reads the counter."""

import struct
from array import array

import pyb
import stm
import uctypes

from tcxo import layout

try:
    from tcxo import isr
except (ImportError, SyntaxError, ValueError):
    # This port has no native code: a syntax error in source, a value error in an .mpy.
    from tcxo import isr_plain as isr  # type: ignore[no-redef]

# 8 equal samples at the counter's own rate: rejects glitches below 95 ns at 84 MHz and, unlike the slower
# settings, does not resample the edge to a coarser clock.
_INPUT_FILTER = 3

TIMER = 2  # TIM5's interrupt handler also serves the servo driver, and only these two count 32 bits


class Capture:
    """TIM2 counting freely over 32 bits, capturing the given channels into the ring."""

    def __init__(self, channels, ring_entries):
        """``channels``: dicts with ``id`` (timer channel 1..4), ``pin`` and ``edge``."""
        self.ring = layout.new_ring(ring_entries)
        self.ctl = layout.new_ctl(ring_entries)
        self.chans = [layout.new_chan(channel["id"]) for channel in channels]
        regs = uctypes.struct(
            stm.TIM2, {"halves": (uctypes.ARRAY | 0, uctypes.UINT16 | (layout.TIM_BYTES // 2))}
        ).halves
        self._regs = regs
        self._now = array("H", [0] * 4)
        self._timer = pyb.Timer(TIMER)
        self._timer.deinit()  # re-creating a channel that is not the newest would orphan the others
        self._timer.init(prescaler=0, period=0x3FFFFFFF)
        self._timer.period(-1)  # 0xffffffff itself overflows; this makes the counter use all 32 bits
        self.tick_hz = self._timer.source_freq()
        regs[layout.TIM_EGR // 2] = 1  # load the new period now; restarts the counter and sets UIF
        regs[layout.TIM_SR // 2] = 0
        self._timer.callback(isr.make_on_wrap(self.ctl))
        native = uctypes.bytearray_at(stm.TIM2, layout.TIM_BYTES) if isr.__name__ == "tcxo.isr" else regs
        for channel, chan in zip(channels, self.chans):
            self._open_channel(channel, isr.make_on_capture(native, self.ring, self.ctl, chan))

    def _open_channel(self, channel, callback):
        polarity = pyb.Timer.FALLING if channel.get("edge") == "falling" else pyb.Timer.RISING
        self._timer.channel(
            channel["id"], pyb.Timer.IC, pin=pyb.Pin(channel["pin"]), polarity=polarity, callback=callback
        )
        # The port knows no input filter: CCMR1 holds channels 1 and 2, CCMR2 3 and 4, one byte each.
        index = layout.TIM_CCMR1 // 2 + 2 * ((channel["id"] - 1) // 2)
        shift = 8 * ((channel["id"] - 1) % 2)
        self._regs[index] = (self._regs[index] & ~(0xF0 << shift)) | (_INPUT_FILTER << (4 + shift))

    def tick(self):
        """The extended counter now, 64 bits. Every edge up to it is in the ring when this returns."""
        ctl, regs, now = self.ctl, self._regs, self._now
        index = layout.TIM_CNT // 2
        while True:
            now[2] = ctl[0]
            now[3] = ctl[1]
            now[1] = regs[index + 1]
            now[0] = regs[index]
            pending = regs[layout.TIM_SR // 2] & 1
            # An interrupt or a carry between the two halves in between: read again.
            if regs[index + 1] == now[1] and now[2] == ctl[0] and now[3] == ctl[1]:
                break
        tick = struct.unpack_from("<Q", now, 0)[0]
        if pending and now[1] < 0x8000:
            tick += 1 << 32
        return tick

    def close(self):
        """Stop counting and capturing."""
        self._timer.deinit()
