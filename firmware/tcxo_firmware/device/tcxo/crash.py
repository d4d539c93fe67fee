"""A crash leaves its traceback in a file; the next start tells it and goes on."""

import os
import sys

_FILE = "tcxo_crash.txt"


def write(error):
    """Keep the traceback. An earlier one that nobody has seen yet stays: flash wears, and first is best."""
    if _FILE not in os.listdir():
        with open(_FILE, "w") as stream:
            sys.print_exception(error, stream)


def take():
    """The lines of the last crash, each told once; empty when there was none."""
    if _FILE not in os.listdir():
        return []
    with open(_FILE) as stream:
        lines = stream.read().splitlines()
    os.remove(_FILE)
    return lines
