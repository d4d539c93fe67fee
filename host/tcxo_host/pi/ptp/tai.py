"""TAI minus UTC: what the kernel was told (chrony's ``leapsectz``), else tzdata's leap second list."""

from __future__ import annotations

import re
import time

from ..root import Root

__all__ = ["LEAP_FILE", "listed_offset", "tai_offset"]

LEAP_FILE = "/usr/share/zoneinfo/leap-seconds.list"
_NTP_EPOCH_S = 2_208_988_800
_LATEST_KNOWN_S = 37
"""Since 1 January 2017."""


def tai_offset(root: Root, utc_s: float) -> tuple[int, bool]:
    """Seconds, and whether they are known for certain."""
    if root.is_live:
        kernel_s = round(time.clock_gettime(time.CLOCK_TAI) - time.clock_gettime(time.CLOCK_REALTIME))
        if kernel_s > 0:
            return kernel_s, True
    return listed_offset(root.read(LEAP_FILE) or "", utc_s)


def listed_offset(text: str, utc_s: float) -> tuple[int, bool]:
    """By a leap second list (its times are seconds since 1900); certain until the list expires."""
    offset_s, expires_s = None, 0
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if expiry := re.fullmatch(r"#@\s*(\d{1,12})\s*", line):
            expires_s = int(expiry[1]) - _NTP_EPOCH_S
        elif re.fullmatch(r"\d{1,12} \d{1,4}", " ".join(words)) and int(words[0]) - _NTP_EPOCH_S <= utc_s:
            offset_s = int(words[1])
    return (_LATEST_KNOWN_S, False) if offset_s is None else (offset_s, utc_s < expires_s)
