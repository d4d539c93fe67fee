"""In MicroPython: interrupt code against the register-level timer, every order of edges and wrap.

All ticks within a few ticks of a counter wrap, for every distance between two edges on the same and on
different channels, and for several latencies. With the heap locked, as in an interrupt.
"""

import struct
import sys

import tim2
import uctypes
from tcxo import isr_plain, layout

try:
    from tcxo import isr
except (SyntaxError, ValueError):
    isr = None
WRAP = 1 << 32


class Bench:
    def __init__(self, code, entry_ticks, read_ticks, ring_entries=16):
        self.timer = tim2.Tim2(entry_ticks, read_ticks)
        self.ctl = layout.new_ctl()
        self.chans = [layout.new_chan(number, ring_entries) for number in (1, 2)]
        self.rings = [layout.new_ring(ring_entries) for _ in self.chans]
        if code is isr_plain:
            description = {"halves": (uctypes.ARRAY | 0, uctypes.UINT16 | (layout.TIM_BYTES // 2))}
            regs = uctypes.struct(self.timer.address, description).halves
        else:
            regs = self.timer.block
        self.timer.on_update(code.make_on_wrap(self.ctl))
        for ring, chan in zip(self.rings, self.chans):  # noqa: B905
            self.timer.on_capture(chan[0], code.make_on_capture(regs, ring, self.ctl, chan))

    def start(self, epoch):
        """Just before the wrap that ends ``epoch``, with empty rings."""
        self.ctl[0] = epoch & 0xFFFF
        self.ctl[1] = epoch >> 16
        for chan in self.chans:
            chan[11] = chan[12] = 0
        self.timer.restart((epoch + 1) * WRAP - 1000)

    def entries(self):
        taken = []
        for ring, chan in zip(self.rings, self.chans):  # noqa: B905
            for index in range(chan[11]):
                tick, flags = struct.unpack_from("<QH", ring, index * layout.ENTRY_BYTES)
                taken.append((tick, chan[0], flags))
        return taken


def check_pairs(code, epoch):
    """Two edges around a wrap, on two channels and on one; returns how many cases."""
    cases = 0
    base = (epoch + 1) * WRAP
    for entry_ticks, read_ticks in ((1, 1), (3, 2), (5, 9)):
        bench = Bench(code, entry_ticks, read_ticks)
        for first in range(-12, 4):
            for distance in range(18):
                for second_channel in (1, 2):
                    if second_channel == 1 and distance == 0:
                        continue
                    bench.start(epoch)
                    bench.timer.capture(1, base + first)
                    bench.timer.capture(second_channel, base + first + distance)
                    bench.timer.advance(base + 100)
                    check(bench, base + first, base + first + distance, second_channel)
                    cases += 1
    return cases


def check(bench, first, second, second_channel):
    entries = bench.entries()
    told = (entries, first, second, second_channel, bench.timer.entry_ticks, bench.timer.read_ticks)
    epoch_now = bench.ctl[0] | bench.ctl[1] << 16
    assert epoch_now == bench.timer.tick >> 32, told
    if second_channel == 2:
        assert sorted(entries) == [(first, 1, 0), (second, 2, 0)], told
    elif len(entries) == 2:
        assert entries == [(first, 1, 0), (second, 1, 0)], told
    else:
        # The later edge overwrote the earlier one's register: lost, and said so.
        assert entries == [(second, 1, 1)], told


def check_ring_full(code):
    """Edges that find no room are counted, and the next one that does says so. Other channels have room still."""
    bench = Bench(code, 1, 1, ring_entries=4)
    bench.start(0)
    base = WRAP
    for index in range(7):
        bench.timer.capture(1, base + 100 * index)
    bench.timer.capture(2, base + 800)
    bench.timer.advance(base + 900)
    assert [tick for tick, _, _ in bench.entries()] == [base, base + 100, base + 200, base + 300, base + 800]
    assert layout.count(bench.chans[0], 8) == 3
    assert layout.count(bench.chans[1], 8) == 0
    bench.chans[0][12] = 4
    bench.timer.capture(1, base + 1000)
    bench.timer.capture(1, base + 1100)
    bench.timer.advance(base + 1200)
    taken = [struct.unpack_from("<QHH", bench.rings[0], slot * layout.ENTRY_BYTES) for slot in (0, 1)]
    assert taken == [(base + 1000, 2, 7), (base + 1100, 0, 8)], taken
    assert layout.count(bench.chans[0], 4) == 9


def check_counts_carry(code):
    """Counters of edges, overcaptures and drops are 32 bits wide."""
    bench = Bench(code, 5, 5, ring_entries=1)
    chan = bench.chans[0]
    for index in (4, 6, 8):
        chan[index] = 0xFFFF
    bench.start(0)
    bench.timer.capture(1, WRAP)
    bench.timer.advance(WRAP + 50)
    assert layout.count(chan, 4) == 0x10000
    bench.timer.capture(1, WRAP + 100)
    bench.timer.capture(1, WRAP + 101)
    bench.timer.advance(WRAP + 150)
    assert (layout.count(chan, 4), layout.count(chan, 6), layout.count(chan, 8)) == (
        0x10001,
        0x10000,
        0x10000,
    )


def check_values(code):
    """Counter values on both sides of every limit of small integers, in several epochs."""
    for epoch in (0, 1, 0x7FFF, 0xFFFF, 0x10000, 0xFFFFFFFE):
        bench = Bench(code, 1, 1)
        for low in (0, 1, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xBFFFFFFF, 0xC0000000, 0xFFFFFFFF):
            bench.start(epoch)
            tick = (epoch + 1) * WRAP + low
            bench.timer.capture(1, tick)
            bench.timer.advance(tick + 2)
            assert bench.entries()[-1] == (tick % (1 << 64), 1, 0), (epoch, low, bench.entries())


for module in (isr, isr_plain):
    if module is not None:
        cases = sum([check_pairs(module, epoch) for epoch in (0, 0xFFFF)])
        check_ring_full(module)
        check_counts_carry(module)
        check_values(module)
        print(f"{module.__name__}: {cases} pairs of edges exact")
print(sys.version)
