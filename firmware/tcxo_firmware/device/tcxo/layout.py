"""Memory shared between interrupt code and main loop: arrays of 16-bit halves, low half first.

``ctl``: 0-1 epoch (counter wraps).
``chan``, one a channel: 0 id, 1 word index of its CCR, 2 CCxIF mask, 3 CCxOF mask, 4-5 edges,
6-7 overcaptures, 8-9 ring drops, 10 flags owed to the next stored edge, 11 head and 12 tail of its ring
(entries, modulo 65536), 13 ring mask.
Each channel has a ring of its own, so that a noisy one loses its own edges only. Entry, 6 halves: 0-3 tick
(64 bits), 4 flags, 5 low half of the edge's running number.

Interrupt code spells these numbers out: viper knows no constants of other modules.
"""

from array import array

CTL_HALVES = 2
CHAN_HALVES = 14
ENTRY_HALVES = 6
ENTRY_BYTES = 12

# TIM2..TIM5, general-purpose timers of RM0090, offsets in bytes.
TIM_BYTES = 0x60
TIM_SMCR = 0x08
TIM_SR = 0x10
TIM_EGR = 0x14
TIM_CCMR1 = 0x18
TIM_CNT = 0x24
TIM_CCR1 = 0x34


def new_ctl():
    return _halves(CTL_HALVES)


def new_chan(channel, ring_entries):
    """State of timer channel 1..4. ``ring_entries``: a power of two, at most 32768."""
    chan = _halves(CHAN_HALVES)
    chan[0] = channel
    chan[1] = TIM_CCR1 // 4 + channel - 1
    chan[2] = 1 << channel
    chan[3] = 1 << (8 + channel)
    chan[13] = ring_entries - 1
    return chan


def new_ring(ring_entries):
    return _halves(ring_entries * ENTRY_HALVES)


def _halves(number):
    return array("H", bytes(2 * number))


def count(chan, index):
    """A 32-bit counter of ``chan``, read while interrupts go on counting."""
    while True:
        high = chan[index + 1]
        low = chan[index]
        if chan[index + 1] == high:
            return high << 16 | low
