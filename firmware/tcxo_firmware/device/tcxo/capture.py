"""The timer: the one module that touches pyb and stm. Sets up input capture and reads the counter."""

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

# External clock mode 2 (RM0090, TIMx_SMCR): the counter counts rising edges of ETR, which is alternate function 1 of
# its pin. Bits 13:12 divide it first: by 1, 2, 4 or 8. Unfiltered: a filter would take a clock for glitches.
_SMCR_ECE = 1 << 14
_SMCR_ETPS = {1: 0 << 12, 2: 1 << 12, 4: 2 << 12, 8: 3 << 12}
_ETR_FUNCTION = 1

TIMER = 2  # TIM5's interrupt handler also serves the servo driver, and only these two count 32 bits


def _registers_for(code):
    """The timer's registers as interrupt code wants them: native code moves words, bytecode reads halves."""
    if code.__name__ == "tcxo.isr":
        return uctypes.bytearray_at(stm.TIM2, layout.TIM_BYTES)
    description = {"halves": (uctypes.ARRAY | 0, uctypes.UINT16 | (layout.TIM_BYTES // 2))}
    return uctypes.struct(stm.TIM2, description).halves


class Capture:
    """TIM2 counting freely over 32 bits, capturing each of the given channels into its ring."""

    def __init__(self, channels, ring_entries, clock=None):
        """``channels``: dicts with ``id`` (timer channel 1..4), ``pin`` and ``edge``. ``clock``: a dict with the
        ``pin``, ``hz`` and ``divide`` of a clock from outside that is counted instead of the board's own."""
        self.ctl = layout.new_ctl()
        self.chans = [layout.new_chan(channel["id"], ring_entries) for channel in channels]
        self.rings = [layout.new_ring(ring_entries) for _ in channels]
        words = uctypes.struct(
            stm.TIM2, {"all": (uctypes.ARRAY | 0, uctypes.UINT32 | (layout.TIM_BYTES // 4))}
        ).all
        self._words = words
        self._timer = pyb.Timer(TIMER)
        self._timer.deinit()  # re-creating a channel that is not the newest would orphan the others
        self._timer.init(prescaler=0, period=0x3FFFFFFF)
        self._timer.period(-1)  # 0xffffffff itself overflows; this makes the counter use all 32 bits
        self.tick_hz = self._timer.source_freq()
        if clock:
            pyb.Pin(clock["pin"], pyb.Pin.ALT, alt=_ETR_FUNCTION)
            words[layout.TIM_SMCR // 4] = _SMCR_ECE | _SMCR_ETPS[clock["divide"]]
            self.tick_hz = clock["hz"] // clock["divide"]
        words[layout.TIM_EGR // 4] = 1  # load the new period now; restarts the counter and sets UIF
        words[layout.TIM_SR // 4] = 0
        self._timer.callback(isr.make_on_wrap(self.ctl))
        regs = _registers_for(isr)
        for channel, ring, chan in zip(channels, self.rings, self.chans):
            self._open_channel(channel, isr.make_on_capture(regs, ring, self.ctl, chan))

    def _open_channel(self, channel, callback):
        polarity = pyb.Timer.FALLING if channel.get("edge") == "falling" else pyb.Timer.RISING
        self._timer.channel(
            channel["id"], pyb.Timer.IC, pin=pyb.Pin(channel["pin"]), polarity=polarity, callback=callback
        )
        # The port knows no input filter: CCMR1 holds channels 1 and 2, CCMR2 3 and 4, one byte each.
        index = layout.TIM_CCMR1 // 4 + (channel["id"] - 1) // 2
        shift = 8 * ((channel["id"] - 1) % 2)
        self._words[index] = (self._words[index] & ~(0xF0 << shift)) | (_INPUT_FILTER << (4 + shift))

    def tick(self):
        """The extended counter now, 64 bits. Every edge up to it is in its ring when this returns."""
        ctl, words = self.ctl, self._words
        while True:
            low, high = ctl[0], ctl[1]
            count = words[layout.TIM_CNT // 4]
            # After the count: a wrap between the two must not be added to a count from before it.
            pending = words[layout.TIM_SR // 4] & 1
            if low == ctl[0] and high == ctl[1]:
                break
        epoch = high << 16 | low
        if pending and count < 0x80000000:
            epoch += 1
        return epoch << 32 | count

    def close(self):
        """Stop counting and capturing."""
        self._words[layout.TIM_SMCR // 4] = (
            0  # the port leaves it: a timer without its clock would stand still
        )
        self._timer.deinit()
