"""A crash leaves its traceback in a file; the next start tells it and goes on.

A file system that is full, damaged or missing costs the traceback, and stops nothing.
"""

import os
import sys

_FILE = "tcxo_crash.txt"


def write(error):
    """Keep the traceback. One that is still kept stays: flash wears, and the first crash tells most."""
    try:
        if _FILE not in os.listdir():
            with open(_FILE, "w") as stream:
                sys.print_exception(error, stream)
    except OSError:
        pass


def lines():
    """The lines of the crash that is kept; empty when there is none."""
    try:
        with open(_FILE) as stream:
            return stream.read().splitlines()
    except (OSError, ValueError):  # ValueError: cut off inside a character
        return []


def forget():
    """Not before the board has run for a while: a board that crashes again and again writes once."""
    try:
        if _FILE in os.listdir():
            os.remove(_FILE)
    except OSError:
        pass
