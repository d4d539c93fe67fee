"""Curves with a known truth: found with an interval that is honest, or said to be not identifiable."""

import numpy as np
import pytest
from tcxo_host.pi.heat.learn.curve import CurveFit, fit_curve, lagged

HOURS, STEP_S = 6.0, 10.0
T_S = np.arange(0.0, HOURS * 3600.0, STEP_S)
SWEPT_C = 58.0 - 9.0 * np.cos(2.0 * np.pi * T_S / 7200.0) + 0.5 * np.sin(T_S / 90.0)


def made(
    celsius=SWEPT_C, turnover_c=60.0, third=0.0, lag_s=200.0, seed=1, noise=0.002, walk=3e-4, ageing=0.02
):
    """ppm of a crystal behind a lag, with white noise and a random walk (per root minute)."""
    rng = np.random.default_rng(seed)
    x = lagged(T_S, celsius, lag_s) - turnover_c
    wander = np.cumsum(rng.standard_normal(T_S.size)) * walk * np.sqrt(STEP_S / 60.0)
    return (
        0.0033 * x**2 + third * x**3 + ageing * T_S / 86400.0 + noise * rng.standard_normal(T_S.size) + wander
    )


def test_the_turnover_the_lag_and_the_slopes_are_found():
    fit = fit_curve(T_S, SWEPT_C, made())
    assert isinstance(fit, CurveFit)
    assert fit.turnover.low_c < 60.0 < fit.turnover.high_c
    assert fit.turnover.celsius == pytest.approx(60.0, abs=0.1)
    assert fit.turnover.ppm_per_k2 == pytest.approx(0.0066, rel=0.03)
    assert fit.lag_s == pytest.approx(200.0, rel=0.05)
    slope, sigma = fit.slope(50.0)
    assert slope == pytest.approx(-0.066, abs=max(3 * sigma, 0.002))
    assert 0 < sigma < 0.005
    assert len(fit.coefficients) == 3


def test_a_cubic_is_seen_as_one():
    fit = fit_curve(T_S, SWEPT_C, made(third=1e-4))
    assert isinstance(fit, CurveFit)
    assert len(fit.coefficients) == 4
    assert fit.turnover.low_c < 60.0 < fit.turnover.high_c
    assert fit.turnover.celsius == pytest.approx(60.0, abs=0.15)


def test_the_standard_deviation_of_a_slope_is_honest():
    """Errors in units of their own sigma, over many records of a crystal that wanders."""
    errors = []
    for seed in range(20):
        fit = fit_curve(T_S, SWEPT_C, made(seed=seed, walk=2e-3))
        slope, sigma = fit.slope(52.0)
        errors.append((slope + 0.0528) / sigma)
    assert 0.4 < np.std(errors) < 2.0
    assert np.abs(errors).max() < 5.0


@pytest.mark.parametrize("turnover_c", [50.0, 60.0, 69.0])
def test_the_interval_holds_the_truth_over_many_records(turnover_c):
    found = [fit_curve(T_S, SWEPT_C, made(turnover_c=turnover_c, seed=seed, walk=1e-3)) for seed in range(10)]
    inside = [fit.turnover.low_c <= turnover_c <= fit.turnover.high_c for fit in found if fit.turnover]
    assert sum(inside) >= 9
    assert all(fit.turnover.high_c - fit.turnover.low_c < 5.0 for fit in found if fit.turnover)


@pytest.mark.parametrize(
    ("celsius", "given", "words"),
    [
        (SWEPT_C, {"turnover_c": 90.0}, "too far above"),
        (SWEPT_C, {"turnover_c": 25.0}, "too far below"),
        (SWEPT_C, {"turnover_c": 60.0, "noise": 40.0}, "not identifiable"),
    ],
)
def test_what_the_record_does_not_tell_is_said(celsius, given, words):
    fit = fit_curve(T_S, celsius, made(celsius, **given))
    assert isinstance(fit, CurveFit)
    assert fit.turnover is None
    assert words in fit.why_not
    assert fit.why_not.startswith("not identifiable")


def test_too_little_is_no_fit():
    assert "less than 1 h" in fit_curve(T_S[:100], SWEPT_C[:100], made()[:100])
    assert "moved by 1.0 K only" in fit_curve(T_S, 50.0 + SWEPT_C / 19.0, made())[:200]


def test_a_gap_in_the_record_costs_nothing():
    keep = (T_S < 6000) | (T_S > 9000)
    fit = fit_curve(T_S[keep], SWEPT_C[keep], made()[keep])
    assert fit.turnover.low_c < 60.0 < fit.turnover.high_c
