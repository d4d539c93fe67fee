"""The kernel's conversion of counter ticks to CLOCK_MONOTONIC_RAW, to the last bit."""

from fractions import Fraction

import pytest
from tcxo_host.publish.phase.raw_clock import RawClock


@pytest.mark.parametrize(
    ("counter_hz", "mult", "shift", "error_ppb"),
    [
        (19_200_000, 873_813_333, 24, -0.381),
        (54_000_000, 310_689_185, 24, -0.596),
        (1_000_000, 1000 << 22, 22, 0.0),  # exact with any shift
    ],
)
def test_mult_and_shift_are_those_that_raspberry_pis_report(counter_hz, mult, shift, error_ppb):
    clock = RawClock(counter_hz)
    assert Fraction(*reversed((1 << shift, mult))) == clock.tick_ns
    assert clock.error_ppb == pytest.approx(error_ppb, abs=0.001)
    if error_ppb:
        assert clock.mult_shift == (mult, shift)


def test_ten_minutes_of_ticks_fit_the_kernels_64_bits_and_one_more_shift_would_not():
    for counter_hz in (1_000_000, 19_200_000, 54_000_000, 1_000_000_000):
        mult, _ = RawClock(counter_hz).mult_shift
        assert 600 * counter_hz * mult < 1 << 64
        assert mult < 1 << 32


def test_a_day_of_pwm_periods_is_off_by_33_us_at_19_2_mhz():
    clock = RawClock(19_200_000)
    day_ns = clock.period_ns(50) * 50 * 86_400
    assert float(day_ns - 86_400 * 10**9) == pytest.approx(-32_958, abs=5)
