"""How sure the phase is: what the filter says, and what no filter on the board can see. Pure.

A receiver's pulses are right for ever in the mean, but wander about it over minutes and hours (ionosphere,
multipath, temperature of antenna and cable). The TCXO wanders more than that over such times, so the board takes
the receiver's wander for its own and follows it. It cannot be learned here, only known.
"""

from __future__ import annotations

import math

__all__ = ["RECEIVER_WANDER_NS", "phase_sigma_ns"]

RECEIVER_WANDER_NS = 10.0
"""One standard deviation of what stays of a receiver's error after averaging over minutes. Receivers against a
hydrogen maser: 10.7 to 12.6 ns in all, of which 0.7 is the same a minute later and 0.6 half an hour later."""


def phase_sigma_ns(filter_ns: float, wander_ns: float = RECEIVER_WANDER_NS) -> float:
    """Standard deviation (ns) of GPS time minus the Pi's, ``filter_ns`` being the joint filter's own.

    A receiver's constant delay (cable, antenna) is not part of it.
    """
    return math.hypot(filter_ns, wander_ns)
