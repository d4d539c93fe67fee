"""The main loop's end of the capture rings: entries into edges records."""

import struct

from tcxo import wire
from tcxo.layout import ENTRY_BYTES, count

# A frame takes at most this many entries, so that even if every edge needs a record of its own (17 bytes)
# the status record of a four-channel board still fits the same frame, and one channel's fit an I2C slot.
ENTRIES_PER_FRAME = 52


class RingReader:
    """Takes entries off the rings that interrupt code fills. ``rings``, ``chans``: as ``layout`` has them."""

    def __init__(self, rings, chans):
        self._rings = rings
        self._chans = chans
        self._marked = [0] * len(chans)

    def waiting(self):
        """Entries captured and not yet taken."""
        entries = 0
        for chan in self._chans:  # every turn of the loop: no list for the collector
            entries += _waiting(chan)
        return entries

    def discard(self):
        """Drop all that waits; its numbers show up as a gap."""
        for chan in self._chans:
            chan[12] = (chan[12] + _waiting(chan)) & 0xFFFF

    def mark(self):
        """What waits now is what ``drain`` takes, in however many calls; later edges wait for the next mark."""
        for index, chan in enumerate(self._chans):
            self._marked[index] = _waiting(chan)

    def drain(self, builder):
        """Pack a frame's worth of marked entries into edges records, and free them. True when none is left.

        A channel gets what it needs up to an equal share, and what the others leave of theirs.
        """
        marked = self._marked
        room = ENTRIES_PER_FRAME
        sharers = len(marked)
        for index in sorted(range(sharers), key=lambda index: marked[index]):
            entries = min(marked[index], room // sharers)
            if entries:
                self._pack_channel(builder, index, entries)
                marked[index] -= entries
                room -= entries
            sharers -= 1
        return not any(marked)

    def _pack_channel(self, builder, index, entries):
        """The oldest ``entries`` of a channel."""
        ring = self._rings[index]
        chan = self._chans[index]
        # An entry holds the low half of its edge's number; the channel's counter, which went on counting
        # while nobody read, has the rest. Of entries in the ring it is never 65536 edges ahead.
        captured = count(chan, 4)
        expected = 0
        is_open = False
        last_tick = 0
        tail = chan[12]
        for position in range(tail, tail + entries):
            slot = position & chan[13]
            flags = ring[slot * 6 + 4]
            number = (captured - ((captured - ring[slot * 6 + 5]) & 0xFFFF)) & 0xFFFFFFFF
            tick = struct.unpack_from("<Q", ring, slot * ENTRY_BYTES)[0]
            delta = tick - last_tick
            if is_open and not flags and number == expected and 0 <= delta <= 0xFFFFFFFF:
                builder.put("<I", delta)
            else:
                if is_open:
                    builder.close()
                builder.open(wire.EDGES)
                builder.put("<BBIQ", chan[0], flags, number, tick)
                is_open = True
            last_tick = tick
            expected = (number + 1) & 0xFFFFFFFF
        builder.close()
        # Freed only now: until here interrupt code must not overwrite them.
        chan[12] = (tail + entries) & 0xFFFF

    def counts(self):
        """``(id, edges, overcaptures, ring drops)`` of every channel."""
        return [(chan[0], count(chan, 4), count(chan, 6), count(chan, 8)) for chan in self._chans]


def _waiting(chan):
    return (chan[11] - chan[12]) & 0xFFFF
