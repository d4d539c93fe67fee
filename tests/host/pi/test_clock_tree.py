"""What the clock tree makes of a PWM rate, model by model."""

from __future__ import annotations

import pytest
from tcxo_host.pi.models import MODELS, model_by_key
from tcxo_host.pi.pwm.clock_tree import nominal_period_ns, pwm_timing

SHARED = [model for model in MODELS if model.shared_crystal]


@pytest.mark.parametrize("model", SHARED, ids=lambda model: model.key)
def test_the_recommended_overlay_clock_is_an_integer_division_and_exact_at_50_hz(model) -> None:
    timing = pwm_timing(model, 50)
    assert (timing.parent, timing.exact, timing.cycles, timing.jitter_ns) == ("xosc", True, 24_000, 0.0)
    assert timing.divider * timing.cycles * 50 == model.crystal_hz


def test_pi_1_counts_time_2_54_ppm_fast_so_its_pwm_looks_slow_by_that() -> None:
    # 19.2 MHz through 78643/4096 instead of 19.2 gives a 1 MHz timer that is 2.543 ppm fast.
    assert pwm_timing(model_by_key("pi1"), 50).bias_ppm == pytest.approx(-2.5431, abs=1e-4)


def test_a_clock_that_no_integer_gives_has_a_bias_and_jitter() -> None:
    # 500 MHz / 26.0415 (12 fractional bits, cut off): 19 200 120 Hz; 384 002 cycles of it.
    timing = pwm_timing(model_by_key("pi3"), 50, requested_clock_hz=19_200_000)
    assert (timing.parent, timing.exact, timing.cycles) == ("plld_per", False, 384_002)
    assert timing.bias_ppm == pytest.approx(1.0417, abs=1e-4)
    assert timing.jitter_ns == pytest.approx(2.0)


def test_the_overlay_default_of_100_mhz_hangs_on_plld_and_takes_over_its_error() -> None:
    timing = pwm_timing(model_by_key("pi3"), 50, requested_clock_hz=100_000_000, plld_hz=500_000_023)
    assert (timing.parent, timing.exact) == ("plld_per", False)
    assert timing.bias_ppm == pytest.approx(0.046, abs=0.001)


def test_pi_4_divides_54_mhz_by_45() -> None:
    assert pwm_timing(model_by_key("pi4"), 50).divider == 45


def test_an_old_kernel_rounds_a_cycle_to_whole_nanoseconds() -> None:
    # 1.2 MHz is 833.33 ns a cycle; the driver before 5.11 took 833 and was 416 ppm off.
    timing = pwm_timing(model_by_key("pi3"), 50, kernel=(5, 10))
    assert not timing.exact
    assert timing.bias_ppm == pytest.approx(-416.5, abs=0.1)


@pytest.mark.parametrize("rate_hz", [1, 2, 10, 25, 40, 50, 60, 64, 100, 250, 1000])
def test_any_integer_divider_rate_is_exact(rate_hz: int) -> None:
    # 60 and 64 Hz have periods of no whole microsecond: the driver's rounding to cycles mends that.
    for model in SHARED:
        assert pwm_timing(model, rate_hz).exact, model.key


def test_a_rate_that_does_not_divide_the_clock_says_its_bias() -> None:
    timing = pwm_timing(model_by_key("pi4"), 47)
    assert not timing.exact
    assert timing.cycles == 25_532  # 1.2 MHz / 47 = 25531.91
    assert timing.bias_ppm == pytest.approx((25531.914894 / 25532 - 1) * 1e6, abs=0.01)


def test_pi_5_is_exact_but_on_another_crystal() -> None:
    model = model_by_key("pi5")
    assert pwm_timing(model, 50).exact
    assert not model.shared_crystal


def test_a_period_that_the_counter_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cycles of the"):
        pwm_timing(model_by_key("pi4"), 500_000, requested_clock_hz=200_000)


def test_periods() -> None:
    assert nominal_period_ns(50) == 20_000_000
    assert nominal_period_ns(60) == 16_666_667
    with pytest.raises(ValueError, match="0 Hz"):
        nominal_period_ns(0)
