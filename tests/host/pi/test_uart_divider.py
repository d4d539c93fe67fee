"""What a UART makes of a speed: the divisors as the kernel's drivers compute them, and the bias that is left."""

from fractions import Fraction

import pytest
from tcxo_host.pi.uart.divider import uart_timing


@pytest.mark.parametrize(
    ("kind", "clock_hz", "baud", "divisor"),
    [
        ("pl011", 9_216_000, 500, 1152),  # a Pi 5's debug connector
        ("pl011", 48_000_000, 500, 6000),  # a header's PL011
        ("16550", 1_843_200, 480, 240),  # a PC
        ("16550", 24_000_000, 480, 3125),
    ],
)
def test_speeds_that_come_out_even_are_exact(kind, clock_hz, baud, divisor):
    timing = uart_timing(kind, clock_hz, baud, baud / 10)
    assert (timing.divisor, timing.rate_hz, timing.bias_ppm) == (divisor, Fraction(baud, 10), 0.0)
    assert timing.exact
    assert timing.jitter_ns == 0.0


def test_a_pl011_divides_by_64ths():
    timing = uart_timing("pl011", 47_999_625, 500, 50.0)
    assert timing.divisor == Fraction(383_997, 64)
    assert float(timing.rate_hz) == pytest.approx(50.0, abs=1e-9)
    assert not timing.exact
    assert timing.jitter_ns == pytest.approx(20.8, abs=0.1)


def test_what_a_16550_cannot_make_is_told_as_bias():
    timing = uart_timing("16550", 1_843_200, 500, 50.0)
    assert timing.divisor == 230
    assert timing.bias_ppm == pytest.approx(1_843_200 / 16 / 230 / 10 / 50.0 * 1e6 - 1e6)
    assert round(timing.bias_ppm) == 1739


def test_the_bias_is_against_the_system_clock():
    assert uart_timing("pl011", 48_000_000, 500, 50.0, timer_bias_ppm=2.543).bias_ppm == -2.543


@pytest.mark.parametrize(
    ("kind", "clock_hz", "baud"), [("16550", 1_843_200, 1), ("pl011", 48_000_000, 4_000_000)]
)
def test_a_speed_without_a_divisor_is_refused(kind, clock_hz, baud):
    with pytest.raises(ValueError, match="cannot be divided"):
        uart_timing(kind, clock_hz, baud, baud / 10)
