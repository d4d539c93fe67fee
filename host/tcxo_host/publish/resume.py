"""Going on after seconds without a value, so that nothing is corrected twice. Pure.

While the file stands still chrony notices by itself what the crystal does, and takes it into its own frequency.
When the file then moves by the whole change, the same change is applied a second time, and the clock runs wrong
until chrony has found its way back. So only the share that chrony cannot have taken up yet is published; the
baseline moves by the rest.

Measured with chronyd 4.3 on simulated clocks (PPS of 1 us, poll 4; the largest clock offset within 30 minutes,
in us, after a crystal that moved evenly while the file stood still):

    file stood still for      20 s  40 s  120 s  600 s  3600 s
    moved by (ppm)            0.05  0.10   0.20  0.165   0.345
    the file jumps             0.5   1.9    4.2    5.4    12.1
    the file goes on from      2.6   4.2    4.6    0.7     0.5
      where it was
    the share used here        0.7   2.2    3.4    0.8     0.4

With poll 2 the shares for 50 to 180 s of lag are equally good to a tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["CHRONY_LAG_S", "Applied", "share_of_drift", "share_of_step"]

CHRONY_LAG_S = 100.0
"""How long chrony takes to follow a frequency, as the time constant of a first-order lag: about six polls of 16 s."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What chrony applies now, ppm, and for how long it has: from the file and its age, or 0 without a file.

    ``at_start``: chrony began with it (its own frequency then fitted another value), as after a boot.
    """

    value_ppm: float
    since_s: float
    at_start: bool = False


def share_of_drift(held_s: float, lag_s: float = CHRONY_LAG_S) -> float:
    """The share, 0 to 1, that chrony has taken up of a change that came evenly over the last ``held_s``.

    The answer of a first-order lag to a ramp: 1 - (lag/held) (1 - exp(-held/lag)).
    """
    if held_s <= 0.0:
        return 0.0
    return 1.0 + math.expm1(-held_s / lag_s) * lag_s / held_s


def share_of_step(held_s: float, lag_s: float = CHRONY_LAG_S) -> float:
    """The share, 0 to 1, that chrony has taken up of a step ``held_s`` ago: 1 - exp(-held/lag)."""
    return -math.expm1(-max(held_s, 0.0) / lag_s)
