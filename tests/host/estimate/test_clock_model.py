"""The clock model: composition in time, closed forms, and moments that lose nothing."""

import math

import numpy as np
import pytest
from tcxo_host.estimate.kalman.filter import joint_filter
from tcxo_host.estimate.kalman.filter.clock_model import (
    GPS_U,
    GPS_V,
    PI_D,
    PI_U,
    PI_V,
    SIZE,
    EdgeBlock,
    Levels,
    transition,
    unit_noise,
)
from tcxo_host.estimate.kalman.filter.comb import Comb
from tcxo_host.estimate.kalman.filter.joint_filter import JointFilter, PreparedBlock
from tcxo_host.estimate.kalman.track.quantisation import QuantisationTable

TICK_NS = 1e9 / 84e6
ROUNDING = TICK_NS**2 / 12.0


def noise(span_s, levels):
    return np.tensordot(levels.intensities(), unit_noise(span_s), 1)


def test_two_short_steps_are_one_long_one():
    levels = Levels(pi_drift=0.0)
    one = noise(3.0, levels)
    two = transition(2.0) @ noise(1.0, levels) @ transition(2.0).T + noise(2.0, levels)
    assert transition(1.0) @ transition(2.0) == pytest.approx(transition(3.0))
    assert two == pytest.approx(one, abs=1e-12)


def test_noise_is_a_covariance_and_tcxo_noise_moves_all_clocks_alike():
    whole = noise(1.0, Levels())
    assert np.linalg.eigvalsh(whole).min() > -1e-12
    tcxo = noise(1.0, Levels(pi_white=0, pi_walk=0, pi_drift=0, rtc_white=0, rtc_walk=0))
    assert tcxo[GPS_U, PI_U] == pytest.approx(tcxo[GPS_U, GPS_U])
    assert tcxo[GPS_V, PI_V] == pytest.approx(tcxo[GPS_V, GPS_V])


def test_drift_is_exponentially_correlated():
    state = np.zeros(SIZE)
    state[PI_D] = 1.0
    assert (transition(150.0) @ state)[PI_D] == pytest.approx(1 / math.e)
    assert (transition(1e6) @ state)[PI_V] == pytest.approx(150.0)


@pytest.mark.parametrize(("walk", "sigma"), [(0.02, 20.0), (0.05, 60.0)])
def test_steady_gain_of_a_two_state_clock_is_the_closed_form(walk, sigma):
    """Random-walk FM of intensity walk^2, one measurement of variance sigma^2 a second:
    rate gain = walk / sigma, offset gain = sqrt(2 walk / sigma), rate variance = sqrt(2) walk^1.5 sigma^.5
    (continuous limit, which these slow filters are in)."""
    levels = Levels(
        tcxo_white=0.0, tcxo_walk=walk, pi_white=0, pi_walk=0, pi_drift=0, rtc_white=0, rtc_walk=0
    )
    joint = JointFilter()
    joint.cov[GPS_U, GPS_U] = joint.cov[GPS_V, GPS_V] = 100.0
    for _ in range(4000):
        joint.predict(1.0, levels)
        before = joint.cov[:, GPS_U] / (joint.cov[GPS_U, GPS_U] + sigma**2)
        joint.update_offset(GPS_U, 0.0, 0.0, sigma**2)
    assert before[GPS_V] == pytest.approx(walk / sigma, rel=0.05)
    assert before[GPS_U] == pytest.approx(math.sqrt(2 * walk / sigma), rel=0.05)
    assert joint.cov[GPS_V, GPS_V] == pytest.approx(math.sqrt(2) * walk**1.5 * sigma**0.5, rel=0.05)


def edge_by_edge(joint, levels, residual_of):
    """The textbook way: fifty predictions and fifty scalar updates."""
    for k in range(1, 51):
        joint.predict(0.02, levels)
        joint.update_offset(PI_U, 0.0, residual_of(k) - joint.mean[PI_U], ROUNDING)


@pytest.mark.parametrize("walk", [0.3, 1.5, 5.0])
def test_three_moments_tell_what_fifty_edges_tell(walk):
    """Mean and covariance after 30 s agree with the edge-by-edge filter to a fraction of a sigma."""
    levels = Levels(pi_walk=walk, pi_drift=0.02)
    rng = np.random.default_rng(4)
    phase = np.cumsum(rng.standard_normal(1500) * 0.3) + rng.standard_normal(1500) * math.sqrt(ROUNDING)
    exact, moments = JointFilter(), JointFilter()
    for each in (exact, moments):
        each.cov = np.diag([1.0, 1.0, 100.0, 100.0, 0.02**2, 1.0, 1.0])
    block = EdgeBlock(np.arange(1, 51) / 50)
    prepared = PreparedBlock(block, levels, ROUNDING)
    t = block.times_s
    for second in range(30):
        edges = phase[second * 50 : second * 50 + 50]
        edge_by_edge(exact, levels, lambda k, edges=edges: edges[k - 1])
        predicted = moments.mean[PI_U] + t * moments.mean[PI_V] + 0.5 * t * t * moments.mean[PI_D]
        precision = moments.precision(prepared, prepared.moments)
        moments.update_block(prepared, block.weights @ (edges - predicted), prepared.moments, precision)
    for index in (PI_U, PI_V):
        sigma = math.sqrt(exact.cov[index, index])
        assert math.sqrt(moments.cov[index, index]) == pytest.approx(sigma, rel=0.005)
        assert moments.mean[index] == pytest.approx(exact.mean[index], abs=0.1 * sigma)


def test_covariance_stays_positive_and_symmetric_over_a_day_of_updates():
    levels, joint = Levels(), JointFilter()
    joint.cov = np.diag([1e9, 1e9, 1e3, 1e10, 1.0, 1e3, 1e10])
    prepared = PreparedBlock(EdgeBlock(np.arange(1, 51) / 50), levels, ROUNDING)
    for _ in range(20_000):
        precision = joint.precision(prepared, prepared.moments)
        joint.update_block(prepared, np.zeros(3), prepared.moments, precision)
        joint.update_offset(GPS_U, 0.7, 0.0, 300.0)
    assert np.array_equal(joint.cov, joint.cov.T) or np.abs(joint.cov - joint.cov.T).max() < 1e-9
    assert np.linalg.eigvalsh(joint.cov[:5, :5]).min() > 0


@pytest.mark.parametrize("period_ticks", [1_680_000.31, 1_680_000.004, 1_680_000.5, 1_679_999.98])
def test_rounding_of_steady_edges_has_the_tabulated_covariance(period_ticks):
    weights = EdgeBlock(np.arange(1, 51) / 50).weights
    rng = np.random.default_rng(8)
    periods = period_ticks + rng.uniform(-0.0035, 0.0035, 20_000)[:, None]
    true = rng.uniform(0, 1, 20_000)[:, None] + np.arange(50) * periods
    moments = (np.floor(true) + 0.5 - true) @ weights.T
    table = QuantisationTable(weights).at(period_ticks)
    assert np.cov(moments.T)[0, 0] == pytest.approx(table[0, 0], rel=0.2, abs=2e-5)
    assert np.cov(moments.T)[1, 1] == pytest.approx(table[1, 1], rel=0.2, abs=2e-5)


def test_comb_keeps_a_nanosecond_over_a_year_of_ticks():
    tick_hz, rate = 84_000_000, 1.0
    year = 365 * 86_400 * tick_hz
    comb = Comb(tick_hz, rate, anchor=year)
    assert comb.residual_ns(year + tick_hz, 0.0) == pytest.approx(0.0, abs=1e-6)
    assert comb.residual_ns(year + tick_hz + 84, 0.0) == pytest.approx(-1000.0, abs=1e-3)
    added = comb.move(year + 5 * tick_hz + 84, 0.0)
    assert added == pytest.approx(1000.0, abs=1e-3)
    assert (comb.anchor, comb.teeth) == (year + 5 * tick_hz + 84, 5)


@pytest.mark.parametrize("span_s", [1e6, 1e10, 2.0**62])
def test_the_work_of_a_prediction_is_bounded_for_any_span(span_s, monkeypatch):
    """Where nobody looked for years nothing is known any more, and finding that out takes no time."""
    steps = []
    monkeypatch.setattr(joint_filter, "transition", lambda step_s: steps.append(step_s) or transition(step_s))
    clocks = JointFilter()
    clocks.cov = np.eye(SIZE)
    clocks.predict(span_s, Levels())
    assert span_s / steps[0] <= 512
    assert np.isfinite(clocks.cov).all()
    assert clocks.cov[GPS_V, GPS_V] > 1e-3 * span_s * Levels().tcxo_walk ** 2


def test_a_long_silence_is_predicted_as_before_in_short_steps():
    long, short = JointFilter(), JointFilter()
    long.predict(3600.0, Levels())
    for _ in range(450):
        short.predict(8.0, Levels())
    assert long.cov == pytest.approx(short.cov)


def test_a_predicted_variance_is_never_negative():
    """Offset and rate that are known together but not apart: rounding may leave less than nothing."""
    clocks = JointFilter()
    for ago_s in np.linspace(0.1, 1.0, 200):
        known = np.array([ago_s, 1.0]) * 1e9
        clocks.cov[np.ix_([GPS_U, GPS_V], [GPS_U, GPS_V])] = np.outer(known, known)
        assert clocks.offset_at(GPS_U, float(ago_s))[1] >= 0.0
