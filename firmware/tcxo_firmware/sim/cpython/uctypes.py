"""MicroPython's ``uctypes`` for CPython: buffers at made-up addresses, and arrays of halves or words over them."""

ARRAY = 0xC0000000
UINT16 = 0x10000000
UINT32 = 0x20000000

_BLOCKS = {}


def addressof(block):
    address = 0x40000000 + 0x1000 * len(_BLOCKS)
    _BLOCKS[address] = block
    return address


def bytearray_at(address, count):
    return _BLOCKS[address]


class struct:
    def __init__(self, address, layout):
        for name, (_, items) in layout.items():
            setattr(self, name, memoryview(_BLOCKS[address]).cast("I" if items & UINT32 else "H"))
