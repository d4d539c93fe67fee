"""``isr.py`` in bytecode, for ports without native code: same layout, same results, no allocation.

``regs``, ``ring``, ``ctl`` and ``chan`` are arrays of 16-bit halves, because 32-bit values above
0x3fffffff do not fit a small integer and would allocate where the heap is locked.
"""


def make_on_wrap(ctl):
    def on_wrap(timer):
        low = (ctl[0] + 1) & 0xFFFF
        ctl[0] = low
        if low == 0:
            ctl[1] = (ctl[1] + 1) & 0xFFFF

    return on_wrap


def make_on_capture(regs, ring, ctl, chan):
    def on_capture(timer):
        again = regs[8] & chan[2]
        index = chan[1] * 2
        ccr_low = regs[index]
        ccr_high = regs[index + 1]
        if regs[index] != ccr_low:
            # An edge came between the half reads, and they cleared its flag: take the new one whole.
            again = 1
            ccr_low = regs[index]
            ccr_high = regs[index + 1]
        cnt_high = regs[19]
        sr = regs[8]
        flags = 0
        if (sr & chan[3]) or again:
            flags = 1
            if sr & chan[3]:
                regs[8] = 0xFFFF ^ chan[3]
            low = (chan[6] + 1) & 0xFFFF
            chan[6] = low
            if low == 0:
                chan[7] = (chan[7] + 1) & 0xFFFF

        number = chan[4]
        low = (number + 1) & 0xFFFF
        chan[4] = low
        if low == 0:
            chan[5] = (chan[5] + 1) & 0xFFFF

        head = chan[11]
        if ((head - chan[12]) & 0xFFFF) > chan[13]:
            low = (chan[8] + 1) & 0xFFFF
            chan[8] = low
            if low == 0:
                chan[9] = (chan[9] + 1) & 0xFFFF
            chan[10] = chan[10] | flags | 2
        else:
            low = ctl[0]
            high = ctl[1]
            if cnt_high < 0x8000:
                if sr & 1:
                    low = (low + 1) & 0xFFFF
                    if low == 0:
                        high = (high + 1) & 0xFFFF
                if ccr_high >= 0x8000:
                    if low == 0:
                        high = (high - 1) & 0xFFFF
                    low = (low - 1) & 0xFFFF
            slot = (head & chan[13]) * 6
            ring[slot] = ccr_low
            ring[slot + 1] = ccr_high
            ring[slot + 2] = low
            ring[slot + 3] = high
            ring[slot + 4] = flags | chan[10]
            ring[slot + 5] = number
            chan[10] = 0
            chan[11] = (head + 1) & 0xFFFF

    return on_capture
