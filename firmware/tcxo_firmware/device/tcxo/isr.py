"""Interrupt code in viper: capture one edge into the ring, count one wrap. Allocates nothing.

Everything is 16-bit halves of preallocated arrays, whose layout ``layout.py`` describes; only whole
timer registers are moved as 32-bit words, memory to memory. ``isr_plain.py`` is the same in bytecode.

The port clears CCxIF before it calls a channel's callback, and handles the timer's update flag before
any channel's (ports/stm32/timer.c), so at the time of a capture callback the wrap

* may be counted already, though the edge came before it: CCR is high, CNT is low, UIF is clear;
* may be pending still, if it came after the update flag was looked at: UIF is set, CNT is low.

Both are told by the top bits of CNT and CCR, as long as the callback runs within half a counter period
(25 s at 84 MHz) of the edge. CNT is read before SR: a wrap between the two reads must not count.
"""

import micropython


def make_on_wrap(ctl):
    @micropython.viper
    def on_wrap(timer):
        c = ptr16(ctl)
        low = (int(c[0]) + 1) & 0xFFFF
        c[0] = low
        if low == 0:
            c[1] = (int(c[1]) + 1) & 0xFFFF

    return on_wrap


# Four closed-over names: with a fifth, every call of the closure would allocate.
def make_on_capture(regs, ring, ctl, chan):
    @micropython.viper
    def on_capture(timer):
        r = ptr32(regs)
        r16 = ptr16(regs)
        c = ptr16(ctl)
        h = ptr16(chan)

        # CCxIF set again: a second edge came after the port cleared it, and the first one's CCR is gone.
        again = int(r16[8]) & int(h[2])
        ccr = r[int(h[1])]  # clears CCxIF
        cnt = r[9]
        sr = int(r16[8])
        flags = 0
        if (sr & int(h[3])) or again:
            flags = 1
            if sr & int(h[3]):
                r16[8] = 0xFFFF ^ int(h[3])  # rc_w0: one write, ones leave the other flags alone
            low = (int(h[6]) + 1) & 0xFFFF
            h[6] = low
            if low == 0:
                h[7] = (int(h[7]) + 1) & 0xFFFF

        number = int(h[4])
        low = (number + 1) & 0xFFFF
        h[4] = low
        if low == 0:
            h[5] = (int(h[5]) + 1) & 0xFFFF

        head = int(h[11])
        if ((head - int(h[12])) & 0xFFFF) > int(h[13]):
            low = (int(h[8]) + 1) & 0xFFFF
            h[8] = low
            if low == 0:
                h[9] = (int(h[9]) + 1) & 0xFFFF
            h[10] = int(h[10]) | flags | 2
        else:
            low = int(c[0])
            high = int(c[1])
            if ((cnt >> 31) & 1) == 0:
                if sr & 1:
                    low = (low + 1) & 0xFFFF
                    if low == 0:
                        high = (high + 1) & 0xFFFF
                if (ccr >> 31) & 1:
                    if low == 0:
                        high = (high - 1) & 0xFFFF
                    low = (low - 1) & 0xFFFF
            slot = head & int(h[13])
            words = ptr32(ring)
            halves = ptr16(ring)
            words[slot * 3] = ccr
            slot = slot * 6
            halves[slot + 2] = low
            halves[slot + 3] = high
            halves[slot + 4] = flags | int(h[10])
            halves[slot + 5] = number
            h[10] = 0
            h[11] = (head + 1) & 0xFFFF

    return on_capture
