"""What device files use of MicroPython's ``micropython`` that means nothing in CPython."""


def alloc_emergency_exception_buf(size):
    pass
