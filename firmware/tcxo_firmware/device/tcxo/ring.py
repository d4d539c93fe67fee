"""The main loop's end of the capture ring: entries into edges records."""

import struct

from tcxo import wire
from tcxo.layout import ENTRY_BYTES, count

# A frame takes at most this many entries, so that even if every edge needs a record of its own (17 bytes)
# the status record of a four-channel board still fits the same frame.
ENTRIES_PER_FRAME = 52


class RingReader:
    """Takes entries off the ring that interrupt code fills. ``chans``: their ``layout`` arrays, in order."""

    def __init__(self, ring, ctl, chans):
        self._ring = ring
        self._ctl = ctl
        self._chans = chans

    def waiting(self):
        """Entries captured and not yet taken."""
        return (self._ctl[2] - self._ctl[3]) & 0xFFFF

    def discard(self, entries):
        """Drop the oldest ``entries``; their numbers show up as a gap."""
        self._ctl[3] = (self._ctl[3] + entries) & 0xFFFF

    def drain(self, builder, entries):
        """Pack the oldest ``entries`` (at most ENTRIES_PER_FRAME) into edges records, and free them."""
        for index in range(len(self._chans)):
            self._pack_channel(builder, index, entries)
        # Freed only now: until here interrupt code must not overwrite them.
        self.discard(entries)

    def _pack_channel(self, builder, index, entries):
        ring = self._ring
        channel = self._chans[index][0]
        # An entry holds the low half of its edge's number; the channel's counter, which went on counting
        # while nobody read, has the rest. Of entries in the ring it is never 65536 edges ahead.
        captured = count(self._chans[index], 4)
        expected = 0
        is_open = False
        last_tick = 0
        mask = self._ctl[4]
        tail = self._ctl[3]
        for position in range(tail, tail + entries):
            slot = position & mask
            if ring[slot * 6 + 4] & 0xFF != channel:
                continue
            flags = ring[slot * 6 + 4] >> 8
            number = (captured - ((captured - ring[slot * 6 + 5]) & 0xFFFF)) & 0xFFFFFFFF
            tick = struct.unpack_from("<Q", ring, slot * ENTRY_BYTES)[0]
            delta = tick - last_tick
            if is_open and not flags and number == expected and 0 <= delta <= 0xFFFFFFFF:
                builder.put("<I", delta)
            else:
                if is_open:
                    builder.close()
                builder.open(wire.EDGES)
                builder.put("<BBIQ", channel, flags, number, tick)
                is_open = True
            last_tick = tick
            expected = (number + 1) & 0xFFFFFFFF
        if is_open:
            builder.close()

    def counts(self):
        """``(id, edges, overcaptures, ring drops)`` of every channel."""
        return [(chan[0], count(chan, 4), count(chan, 6), count(chan, 8)) for chan in self._chans]
