"""What the PWM really puts on the pin, from the model's clock tree. Pure, in exact fractions.

Sources: Linux ``drivers/clk/bcm/clk-bcm2835.c`` (the divider has 12 integer and 12 fractional bits, the
parent whose rate comes closest wins, PLLC is never chosen), ``drivers/pwm/pwm-bcm2835.c`` (cycles =
period x rate, rounded; before Linux 5.11 period / round(1e9 / rate)) and ``pwm-rp1.c`` (likewise, from
whole nanoseconds a cycle).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..models import PiModel

__all__ = ["PwmTiming", "nominal_period_ns", "pwm_timing"]

_FRACTION_BITS = 12
_MIN_DIVIDER = 2 << _FRACTION_BITS  # the PWM's divider is a MASH one
_MAX_DIVIDER = ((1 << 12) - 1) << _FRACTION_BITS
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PwmTiming:
    """The signal a PWM set to ``period_ns`` gives, if its crystal were exactly nominal.

    ``parent``: ``xosc`` or ``plld_per``. ``clock_hz`` feeds the counter, which wraps every ``cycles``.
    ``bias_ppm``: by how much the PWM's rate against the *system clock's* is off the rate asked for, by
    arithmetic alone; + when the PWM runs fast. ``exact``: no bias from the PWM's side, and every period
    has the same length. ``jitter_ns``: how far single edges wander from even spacing, peak to peak.
    """

    parent: str
    divider: Fraction
    clock_hz: Fraction
    cycles: int
    rate_hz: Fraction
    bias_ppm: float
    exact: bool
    jitter_ns: float


def nominal_period_ns(rate_hz: int) -> int:
    """The ``period`` to write to sysfs for a rate, ns. Raises ValueError for a rate below 1 Hz."""
    if rate_hz < 1:
        raise ValueError(f"a PWM rate of {rate_hz} Hz has no period")
    return (2 * _NS + rate_hz) // (2 * rate_hz)


def pwm_timing(
    model: PiModel,
    rate_hz: int,
    *,
    requested_clock_hz: int | None = None,
    plld_hz: int | None = None,
    kernel: tuple[int, int] = (6, 1),
) -> PwmTiming:
    """The PWM's real rate on ``model`` for a nominal ``rate_hz``.

    ``requested_clock_hz``: the rate the device tree asks of the PWM's clock (the overlay's ``clock=``);
    None takes the model's recommended one. ``plld_hz``: what the running kernel says PLLD_PER has, if it
    is known to differ from nominal. ``kernel``: Linux major and minor version.
    Raises ValueError when the driver would refuse the period.
    """
    asked_hz = model.clock_hz if requested_clock_hz is None else requested_clock_hz
    period_ns = nominal_period_ns(rate_hz)
    parent, parent_hz, divider = _choose_clock(model, asked_hz, plld_hz or model.plld_hz)
    clock_hz = parent_hz / divider
    cycles = _cycles(model, period_ns, int(clock_hz), kernel)
    if not 2 <= cycles < 1 << 32:
        raise ValueError(f"{rate_hz} Hz needs {cycles} cycles of the {float(clock_hz):.0f} Hz PWM clock")
    true_rate_hz = clock_hz / cycles
    bias = true_rate_hz / rate_hz - 1
    fractional = divider.denominator != 1
    return PwmTiming(
        parent=parent,
        divider=divider,
        clock_hz=clock_hz,
        cycles=cycles,
        rate_hz=true_rate_hz,
        bias_ppm=float(bias) * 1e6 - (model.timer_bias_ppm if model.shared_crystal else 0.0),
        # PLLD's own multiplier is fractional and set by the firmware: never claim exactness through it.
        exact=bias == 0 and not fractional and parent == "xosc",
        # A one-stage MASH divider moves single edges by one period of the parent.
        jitter_ns=float(_NS / parent_hz) if fractional else 0.0,
    )


def _choose_clock(model: PiModel, asked_hz: int, plld_hz: int | None) -> tuple[str, Fraction, Fraction]:
    if plld_hz is None:
        return "xosc", Fraction(model.pwm_crystal_hz), Fraction(1)
    best: tuple[int, str, int, int] | None = None
    for name, parent_hz in (("xosc", model.pwm_crystal_hz), ("plld_per", plld_hz)):
        divider = (parent_hz << _FRACTION_BITS) // asked_hz
        divider = min(max(divider, _MIN_DIVIDER), _MAX_DIVIDER)
        away_hz = abs((parent_hz << _FRACTION_BITS) // divider - asked_hz)
        if best is None or away_hz < best[0]:
            best = (away_hz, name, parent_hz, divider)
    assert best is not None
    _, name, parent_hz, divider = best
    return name, Fraction(parent_hz), Fraction(divider, 1 << _FRACTION_BITS)


def _cycles(model: PiModel, period_ns: int, clock_hz: int, kernel: tuple[int, int]) -> int:
    if not model.shared_crystal or kernel < (5, 11):
        scaler_ns = _round_div(_NS, clock_hz)
        return _round_div(period_ns, max(scaler_ns, 1))
    return _round_div(period_ns * clock_hz, _NS)


def _round_div(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
