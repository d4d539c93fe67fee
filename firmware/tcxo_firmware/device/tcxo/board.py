"""Which board this is: its data file, completed with defaults, and what the start tells about it."""

import os
import struct
import sys

import machine
from board_config import BOARD

# Numbers of the protocol's Role and ResetCause.
ROLES = {"gps_pps": 1, "rtc_pps": 2, "host_pwm": 3, "aux": 4}


def enabled_channels():
    """Channels that are switched on, as dicts; a fourth one is turned on in ``board_config``."""
    return [channel for channel in BOARD["channels"] if channel.get("enabled", True)]


def boot_id():
    """32 random bits, so that a host sees every restart."""
    return struct.unpack("<I", os.urandom(4))[0]


def reset_cause():
    cause = machine.reset_cause()
    names = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    for number, name in enumerate(names):
        if cause == getattr(machine, name, None):
            return number + 1
    return 0


def micropython_version():
    return sys.version.split("; ")[-1]
