"""The slope over temperature, told from ageing, with a sigma that a wandering rate leaves honest."""

import numpy as np
import pytest
from tcxo_host.dump.analyse.temperature_fit import fit_temperature


def swings(n, seed):
    rng = np.random.default_rng(seed)
    return 35.0 + 2.0 * np.sin(np.arange(n) / 25) + np.cumsum(rng.normal(0, 0.02, n))


@pytest.mark.parametrize("walk_ppb", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("slope", [0.0, 3.0])
def test_slope_and_sigma_hold_whatever_the_rate_does_by_itself(walk_ppb, slope):
    rng = np.random.default_rng(1)
    good = []
    for seed in range(8):
        celsius = swings(80, seed)
        walk = np.cumsum(rng.normal(0, walk_ppb, 80))
        found = fit_temperature(celsius, 470.0 + slope * (celsius - 35) + walk + rng.normal(0, 0.4, 80))
        good.append(abs(found.slope_ppb_per_c - slope) < 2.5 * found.sigma_ppb_per_c)
        if slope and walk_ppb < 0.4:
            assert found.is_identifiable
    assert sum(good) >= 7


def test_ageing_is_taken_out_and_does_not_pass_for_temperature():
    """The board warms up while the oscillator ages by 20 ppb: the two go the same way."""
    rng = np.random.default_rng(1)
    n = 150
    celsius = 30.0 + 3.0 * np.arange(n) / n + 0.3 * np.sin(np.arange(n) / 7)
    ageing = np.linspace(-10.0, 10.0, n)
    rate = 100.0 + 1.5 * (celsius - 30) + ageing + rng.normal(0, 0.3, n)
    found = fit_temperature(celsius, rate)
    assert found.slope_ppb_per_c == pytest.approx(1.5, abs=3 * found.sigma_ppb_per_c)
    assert found.sigma_ppb_per_c < 0.5
    left = rate - found.level_ppb - found.ageing_ppb
    assert np.std(left - found.slope_ppb_per_c * (celsius - found.centre_c)) < 0.6


def test_more_samples_than_the_work_allows_are_averaged():
    celsius = swings(1100, 1)
    rate = 2.0 * (celsius - 35) + np.random.default_rng(1).normal(0, 1.0, 1100)
    found = fit_temperature(celsius, rate)
    assert found.ageing_ppb.size == 1100
    assert found.slope_ppb_per_c == pytest.approx(2.0, abs=3 * found.sigma_ppb_per_c)


def test_no_line_without_samples_or_without_a_change_of_temperature():
    assert fit_temperature(np.arange(5.0), np.arange(5.0)) is None
    assert fit_temperature(np.full(50, 35.0), np.arange(50.0)) is None
    assert fit_temperature(np.linspace(30, 35, 50), np.arange(50.0)) is None
