"""Which board this is: its data file, completed with defaults, and what the start tells about it."""

import os
import struct
import sys
from binascii import crc32

import machine
import pyb
from board_config import BOARD

# Numbers of the protocol's Role and ResetCause.
ROLES = {"gps_pps": 1, "rtc_pps": 2, "host_pwm": 3, "aux": 4, "ref_pps": 5}

ADC_INTERNAL = 0x70000  # channels 16 to 18, temperature, reference and battery; leaves the pins alone
ADC_REFERENCE = 17
NOISE_READS = 256  # of at least a noisy bit each


def enabled_channels():
    """Channels that are switched on, as dicts; a fourth one is turned on in ``board_config``."""
    return [channel for channel in BOARD["channels"] if channel.get("enabled", True)]


def boot_id():
    """32 random bits, so that a host sees every restart."""
    try:
        return struct.unpack("<I", os.urandom(4))[0]
    except (AttributeError, OSError):
        # An F411 has no random number generator: the converter's noise on the internal reference instead.
        converter = pyb.ADCAll(12, ADC_INTERNAL)
        noise = bytes([converter.read_channel(ADC_REFERENCE) & 0xFF for _ in range(NOISE_READS)])
        return crc32(noise, crc32(machine.unique_id())) & 0xFFFFFFFF


def reset_cause():
    cause = machine.reset_cause()
    names = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    for number, name in enumerate(names):
        if cause == getattr(machine, name, None):
            return number + 1
    return 0


def micropython_version():
    return sys.version.split("; ")[-1]
