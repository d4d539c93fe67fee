"""Where to hold the temperature: at the turnover where it is within reach, else as low as room and load allow. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..learn.curve import Turnover

__all__ = ["BELOW_LIMIT_K", "Choice", "Reach", "choose"]

BELOW_LIMIT_K = 5.0
"""The set-point stays so far below the hard limit."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What was seen while learning, means over minutes: the warmest that the Pi got without burning, and with it.

    ``margin_k``: by how much room and load may be warmer or colder some other day.
    """

    free_high_c: float
    burn_high_c: float
    margin_k: float = 3.0


@dataclass(frozen=True, slots=True)
class Choice:
    """``celsius``: the set-point, None where there is none; ``why`` for people. ``low_c``, ``high_c``: its bounds."""

    celsius: float | None
    why: str
    at_turnover: bool = False
    low_c: float = 0.0
    high_c: float = 0.0


def choose(turnover: Turnover | None, reach: Reach, limit_c: float) -> Choice:
    """The set-point for a Pi with that reach and a hard limit."""
    low = reach.free_high_c + reach.margin_k
    high = min(reach.burn_high_c - reach.margin_k, limit_c - BELOW_LIMIT_K)
    if low > high:
        return Choice(
            None,
            f"no temperature can be held: without burning it reached {reach.free_high_c:.1f} °C, with it"
            f" {reach.burn_high_c:.1f} °C, the limit is {limit_c:g} °C: cool the Pi, let more cores burn, or keep"
            " room and load steadier",
        )
    if turnover is not None and low <= turnover.celsius <= high:
        why = f"the turnover, {turnover.low_c:.1f} to {turnover.high_c:.1f} °C"
        return Choice(turnover.celsius, why, True, low, high)
    beyond = "is not known" if turnover is None else f"at {turnover.celsius:.1f} °C is out of reach"
    return Choice(low, f"the lowest that room and load allow; the turnover {beyond}", False, low, high)
