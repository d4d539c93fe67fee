"""Stand-in for the port's ``machine``."""

from world import WORLD

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 0


def reset_cause():
    return WORLD.reset_cause


def idle():
    """Sleep until the next interrupt: here, let simulated time pass as far as the feed says."""
    WORLD.idle()
