"""What chrony's tempcomp takes: sign, decimals, limit and timing, in this one place. Pure.

Read in chrony's ``tempcomp.c`` and tried with chronyd 4.3: ``tempcomp FILE 1 0 0 1 0`` reads the first number of
the file once a second and takes it as a correction in ppm. A positive value makes the clock run faster, so the
file holds minus the clock's frequency error. Anything beyond ``LIMIT_PPM`` is refused, and the value before stays
applied.
"""

from __future__ import annotations

__all__ = ["DECIMALS", "LIMIT_PPM", "USED_AFTER_S", "is_in_range", "text_of", "value_ppm"]

LIMIT_PPM = 10.0
"""``MAX_COMP`` of tempcomp.c."""
DECIMALS = 6
"""What is written: a millionth of a ppm is far below what any crystal does in a second."""
USED_AFTER_S = 1.0
"""A value is read 0 to 1 s after it was written, and applied for a second: on average it is used 1 s later."""


def value_ppm(error_ppm: float, baseline_ppm: float = 0.0) -> float:
    """The value for a clock that runs ``error_ppm`` fast, of which chrony itself corrects ``baseline_ppm``."""
    # adding 0.0 turns a negative zero into zero, so that the file never says -0.000000
    return round(baseline_ppm - error_ppm, DECIMALS) + 0.0


def is_in_range(value_ppm: float) -> bool:
    """Whether chrony takes the value; not so for NaN."""
    return abs(value_ppm) <= LIMIT_PPM


def text_of(value_ppm: float) -> bytes:
    """The file's content."""
    return f"{value_ppm:.{DECIMALS}f}\n".encode()
