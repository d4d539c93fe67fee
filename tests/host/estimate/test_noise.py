"""Noise levels and the temperature model are learned from data, within bounds."""

import dataclasses
import math

import numpy as np
import pytest
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.filter.clock_model import Levels
from tcxo_host.estimate.kalman.learn.noise import Bounds, DriftSize, PiNoise, PulseNoise, imported
from tcxo_host.estimate.kalman.learn.temperature import TemperatureModel
from tcxo_host.sim.scenario import Crystal, load_scenario
from tcxo_tools.bench.trial import run_trial


def phases(white, walk, seconds, seed=3):
    """Mean phase of each second (ns) of a clock with white and random-walk FM, sampled at 50 Hz."""
    rng = np.random.default_rng(seed)
    rate = np.cumsum(rng.standard_normal(seconds * 50) * walk * math.sqrt(0.02))
    phase = np.cumsum(rate * 0.02 + rng.standard_normal(seconds * 50) * white * math.sqrt(0.02))
    return phase.reshape(seconds, 50).mean(axis=1)


@pytest.mark.parametrize(("white", "walk"), [(1.0, 1.5), (1.0, 0.5), (3.0, 1.0), (0.6, 4.0)])
def test_pi_levels_are_found(white, walk):
    noise = PiNoise()
    for advance in np.diff(phases(white, walk, 1800)):
        noise.add(float(advance), 0.0)
    found = noise.levels(Levels(tcxo_white=0.0, tcxo_walk=0.0, pi_drift=0.0), Bounds())
    assert found == pytest.approx((white, walk), rel=0.2)


def test_a_steady_drift_is_no_noise():
    noise = PiNoise()
    drifting = phases(1.0, 0.3, 1800) + 0.5 * 2.0 * np.arange(1800.0) ** 2
    for advance in np.diff(drifting):
        noise.add(float(advance), 0.0)
    assert noise.levels(Levels(pi_drift=0.0), Bounds())[1] < 0.5


def test_levels_stay_within_their_bounds():
    noise, bounds = PiNoise(), Bounds()
    for advance in np.diff(phases(500.0, 300.0, 400)):
        noise.add(float(advance), 0.0)
    assert noise.levels(Levels(), bounds) == (bounds.pi_white[1], bounds.pi_walk[1])
    assert PulseNoise(20.0).add(1e9, 0.0, bounds.gps_ns) <= bounds.gps_ns[1] ** 2
    assert DriftSize(0.1).add(1e9, 0.0, bounds.pi_drift) == bounds.pi_drift[1]


def test_pulse_variance_is_found_from_innovations():
    rng = np.random.default_rng(5)
    noise = PulseNoise(20.0)
    for residual in rng.normal(0.0, math.hypot(60.0, 10.0), 3000):
        variance = noise.add(float(residual), 100.0, Bounds().gps_ns)
    assert math.sqrt(variance) == pytest.approx(60.0, rel=0.15)


@pytest.mark.parametrize(("true_walk", "low", "high"), [(3e-10, 0.1, 0.9), (1e-11, 0.005, 0.06)])
def test_the_tcxos_walk_is_found_from_the_whiteness_of_the_innovations(true_walk, low, high):
    steady = load_scenario("steady")
    scenario = dataclasses.replace(
        steady, tcxo=dataclasses.replace(steady.tcxo, random_walk_fm=true_walk), pi=Crystal(present=False)
    )
    kalman = Kalman()
    run_trial(scenario, {"kalman": kalman}, 1, 3000)
    assert low < kalman.export_state()["noise"]["tcxo_walk"] < high


@pytest.mark.parametrize("bad", [None, "1", -1.0, math.nan, 0.0])
def test_imported_levels_must_be_levels(bad):
    good = {"pi_white": 1.0, "pi_walk": 1.0, "pi_drift": 0.1, "tcxo_walk": 0.02, "gps_ns": 15.0}
    assert imported(good, Bounds()) == good
    with pytest.raises(ValueError, match="pi_walk"):
        imported({**good, "pi_walk": bad}, Bounds())


def taught(coefficient_ppb, seed=2):
    """A model that saw a TCXO with a random walk through three hours of a 2 degree swing."""
    rng = np.random.default_rng(seed)
    model = TemperatureModel()
    walk = 0.0
    for second in range(3 * 3600):
        celsius = 35.0 + math.sin(second / 5400 * 2 * math.pi)
        walk += rng.standard_normal() * 0.02
        model.measure(celsius + rng.standard_normal() * 0.05, 1.0)
        if second % 64 == 63:
            rate = -470.0 - coefficient_ppb * (celsius - 35.0) + walk + rng.standard_normal() * 0.3
            model.learn(rate, 0.3**2, 0.02)
    return model


def test_temperature_coefficient_is_learned_with_an_honest_sigma():
    change, variance = taught(30.0).change(34.5, 35.5)
    assert change == pytest.approx(-30.0, abs=1.5)
    assert abs(change + 30.0) < 4 * math.sqrt(variance) + 1.0  # the sensor's smoothing lags by 20 s
    assert variance < 1.0


def test_far_from_what_was_seen_the_model_is_unsure():
    model = taught(30.0)
    assert model.change(35.0, 65.0)[1] > 100 * model.change(34.5, 35.5)[1]


def test_without_a_lesson_only_the_prior_speaks():
    model = TemperatureModel()
    model.measure(35.0, 1.0)
    change, variance = model.change(35.0, 36.0)
    assert change == 0.0
    assert math.sqrt(variance) == pytest.approx(50.0, rel=0.05)


def test_temperature_model_survives_export():
    model, other = taught(30.0), TemperatureModel()
    other.import_state(model.export_state())
    assert other.change(34.0, 36.0) == pytest.approx(model.change(34.0, 36.0), rel=0.1)


@pytest.mark.parametrize(
    "damage",
    [
        {"coefficients_ppb": [1, 2]},
        {"coefficients_ppb": "abc"},
        {"covariance": [[1, 0, 0], [0, -5, 0], [0, 0, 1]]},
        {"covariance": [[math.nan] * 3] * 3},
        {"centre_c": "warm"},
        {"samples": None},
    ],
)
def test_damaged_temperature_state_is_refused(damage):
    with pytest.raises(ValueError, match="temperature model|is not a number"):
        TemperatureModel().import_state({**taught(10.0).export_state(), **damage})


def test_a_rate_that_jumps_teaches_no_temperature_coefficient():
    """It did not jump because of the hundredth of a degree by which the sensor's noise moved."""
    model = taught(0.0)
    for second in range(3 * 3600, 3 * 3600 + 3600):
        model.measure(35.0 + 0.01 * math.sin(second), 1.0)
        if second % 64 == 63:
            model.learn(-270.0, 0.3**2, 0.02)
    assert abs(model.change(34.5, 35.5)[0]) < 2.0


def test_what_would_follow_the_sensor_too_fast_does_not_follow_it():
    """Sensor and crystal do not get warm at the same moment."""
    model = taught(300.0)
    model.measure(35.0, 1.0)
    slow = [model.measure(35.0 + 0.001 * k, 1.0) for k in range(60)]
    fast = [model.measure(35.0 + 0.3 * k, 1.0) for k in range(1, 10)]
    assert sum(slow) < -3.0
    assert fast[-1] == 0.0
