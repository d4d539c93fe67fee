"""What happened to a clock within a second, and how noisy pulses are: told from the edges alone."""

import math

import numpy as np
import pytest
from tcxo_host.estimate.kalman.rate_history import LEARN_EVERY_S
from tcxo_host.estimate.kalman.track.bends import find_bend
from tcxo_host.estimate.kalman.track.scatter import Scatter
from tcxo_host.estimate.kalman.track.trial import Trial
from tcxo_host.estimate.kalman.witness import Witnesses

TIMES = np.arange(1, 51) / 50
SIGMA_NS = 3.4
TICK_NS = 1e9 / 84e6


def noise(seed):
    return np.random.default_rng(seed).standard_normal(50) * SIGMA_NS


@pytest.mark.parametrize("first", [0, 7, 25, 40])
@pytest.mark.parametrize("size_ns", [15.0, -60.0, 400.0])
def test_a_step_of_the_phase_is_found_where_it_is(size_ns, first):
    found = find_bend(TIMES, noise(first) + size_ns * (np.arange(50) >= first), SIGMA_NS**2)
    assert found.is_step
    assert abs(found.first - first) <= (1 if abs(size_ns) < 20 else 0)
    assert found.size == pytest.approx(size_ns, abs=3.0)
    assert found.rest < 2.0 * SIGMA_NS**2


@pytest.mark.parametrize("start_s", [-0.2, 0.013, 0.5, 0.75])
@pytest.mark.parametrize("size_ppb", [200.0, -3000.0])
def test_a_change_of_the_rate_is_found_when_it_began(size_ppb, start_s):
    gained = size_ppb * np.maximum(TIMES - start_s, 0.0)
    found = find_bend(TIMES, noise(1) + gained, SIGMA_NS**2)
    assert not found.is_step
    assert found.start_s == pytest.approx(start_s, abs=0.05)
    assert found.size == pytest.approx(size_ppb, rel=0.2)
    assert found.rest < 2.0 * SIGMA_NS**2


def test_heat_that_sets_in_is_no_step():
    assert not find_bend(TIMES, noise(2) + 0.5 * 60.0 * TIMES**2, SIGMA_NS**2).is_step


def pulses(scatter, jitter_ns, count, seed=1, slide_ppb=0.0, start=0):
    rng = np.random.default_rng(seed)
    for k in range(start, start + count):
        ns = k * 1e9 + rng.standard_normal() * jitter_ns + slide_ppb * k
        scatter.add(round(ns / TICK_NS))


@pytest.mark.parametrize("jitter_ns", [15.0, 300.0, 10_000.0])
def test_jitter_is_told_from_the_pulses_alone_and_a_slide_is_none(jitter_ns):
    found = []
    for seed in range(30):
        scatter = Scatter(84e6, TICK_NS)
        pulses(scatter, jitter_ns, 40, seed, slide_ppb=2000.0)
        found.append(math.sqrt(scatter.variance()))
    assert np.median(found) == pytest.approx(jitter_ns, rel=0.3)
    assert max(found) < 2.6 * jitter_ns


def test_a_lone_glitch_is_no_jitter():
    scatter = Scatter(84e6, TICK_NS)
    pulses(scatter, 15.0, 20)
    scatter.add(20 * 84_000_000 + 42_000)
    pulses(scatter, 15.0, 10, start=21)
    assert math.sqrt(scatter.variance()) < 40.0


def test_most_of_the_latest_pulses_must_be_believed():
    scatter = Scatter(84e6, TICK_NS)
    for refused in [False] * 20 + [True] * 8:
        scatter.judged(refused)
    assert not scatter.mostly_refused()
    scatter.judged(True)
    assert scatter.mostly_refused()
    scatter.believed_again()
    assert not scatter.mostly_refused()


def after_quiet(seconds=2000, pi_wander_ppb=1.0, rtc=True):
    rng = np.random.default_rng(4)
    witnesses, gained_ns = Witnesses(), np.diff(rng.standard_normal(seconds + 1) * 15.0)
    for second in range(seconds):
        witnesses.gps.add(1, float(gained_ns[second]), 225.0)
        witnesses.pi.add(1, float(rng.standard_normal() * pi_wander_ppb))
        if rtc:
            witnesses.rtc.add(1, float(rng.standard_normal() * 3.0))
        if second % LEARN_EVERY_S == 0:
            witnesses.learn()
    return witnesses


def move(witnesses, gps_ppb, others_ppb, seconds=60):
    for _ in range(seconds):
        witnesses.gps.add(1, gps_ppb, 225.0)
        witnesses.pi.add(1, others_ppb)
        witnesses.rtc.add(1, others_ppb)


def test_who_moved_alone_is_the_one_who_moved():
    sliding, counter = after_quiet(), after_quiet()
    assert sliding.gps_is_quiet()
    move(sliding, 20.0, 0.0)
    move(counter, 20.0, 20.0)
    assert sliding.counter_moved() is False
    assert counter.counter_moved() is True


def test_a_witness_that_wanders_more_than_gps_moved_tells_nothing():
    witnesses = after_quiet(pi_wander_ppb=300.0, rtc=False)
    for _ in range(60):
        witnesses.gps.add(1, 20.0, 225.0)
        witnesses.pi.add(1, 0.0)
    assert witnesses.counter_moved() is None


@pytest.mark.parametrize(("slide_ppb", "passes"), [(0.0, True), (3.0, False), (20.0, False)])
def test_pulses_on_trial_must_keep_the_rate(slide_ppb, passes):
    rng, trial = np.random.default_rng(5), Trial(84e6, 0.04)
    kept = [
        trial.passes(k * 84_000_000, 500.0 + slide_ppb * k + float(rng.standard_normal()) * 15.0, 225.0, 0.0)
        for k in range(200)
    ]
    assert any(kept) is passes
    assert not any(kept[:63])
