"""A crash leaves its traceback in a file; the next start tells it and goes on."""

import os
import sys

_FILE = "tcxo_crash.txt"


def write(error):
    """Keep the traceback. One that is still kept stays: flash wears, and the first crash tells most."""
    if _FILE not in os.listdir():
        with open(_FILE, "w") as stream:
            sys.print_exception(error, stream)


def lines():
    """The lines of the crash that is kept; empty when there is none."""
    if _FILE not in os.listdir():
        return []
    with open(_FILE) as stream:
        return stream.read().splitlines()


def forget():
    """Not before the board has run for a while: a board that crashes again and again writes once."""
    if _FILE in os.listdir():
        os.remove(_FILE)
