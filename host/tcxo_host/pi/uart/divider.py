"""What a UART really puts on its pin, from its clock and its divisors. Pure, in exact fractions.

Sources: Linux ``drivers/tty/serial/amba-pl011.c`` (the divisor in 64ths, 16 bits before and 6 behind the point,
rounded) and ``8250_port.c`` with ``serial_core.c`` (``uart_get_divisor``: a whole divisor of 16 bits, rounded).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["BITS_PER_BYTE", "KINDS", "UartTiming", "uart_timing"]

KINDS = {"pl011": 64, "16550": 1}
"""By kind of UART, into how many parts its divisor's unit is divided."""
BITS_PER_BYTE = 10
"""8N1: start bit, eight data bits, stop bit."""
_OVERSAMPLING = 16
_DIVISOR_BITS = 16


@dataclass(frozen=True, slots=True)
class UartTiming:
    """The signal of a UART that sends without pause, if its clock were exactly ``clock_hz``.

    ``rate_hz``: bytes, and so edges, a second. ``bias_ppm``: by how much that is off the nominal rate against the
    *system clock's*, by arithmetic alone; + when the UART runs fast. ``exact``: no bias, and a whole divisor, so
    that all bytes have the same length. ``jitter_ns``: how far single edges wander from even spacing otherwise.
    """

    clock_hz: int
    divisor: Fraction
    rate_hz: Fraction
    bias_ppm: float
    exact: bool
    jitter_ns: float


def uart_timing(
    kind: str, clock_hz: int, baud: int, nominal_hz: float, timer_bias_ppm: float = 0.0
) -> UartTiming:
    """What the kernel's driver makes of ``baud`` on a UART of that ``kind`` (``KINDS``).

    ``nominal_hz``: the edges a second that are counted with. ``timer_bias_ppm``: by how much the system clock's own
    counter runs fast by division. Raises ValueError when there is no such divisor.
    """
    parts = KINDS[kind]
    units = _round(Fraction(clock_hz * parts, _OVERSAMPLING * baud))
    if not parts <= units < parts << _DIVISOR_BITS:
        raise ValueError(f"a UART clock of {clock_hz} Hz cannot be divided down to {baud} baud")
    divisor = Fraction(units, parts)
    rate_hz = Fraction(clock_hz) / _OVERSAMPLING / divisor / BITS_PER_BYTE
    bias_ppm = (float(rate_hz) / nominal_hz - 1.0) * 1e6 - timer_bias_ppm
    whole = divisor.denominator == 1
    exact = whole and float(rate_hz) == nominal_hz
    return UartTiming(clock_hz, divisor, rate_hz, bias_ppm, exact, 0.0 if whole else 1e9 / clock_hz)


def _round(value: Fraction) -> int:
    """To the nearest whole number, halves up, as ``DIV_ROUND_CLOSEST``."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
