"""The simulated Pi keeps its promises: one crystal, whole ticks, the kernel's rounding, and a known truth."""

import itertools
import time

import pytest
from tcxo_host.sim.pi_clocks import Latency, SimulatedPi
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

RAW, REAL = time.CLOCK_MONOTONIC_RAW, time.CLOCK_REALTIME
QUIET = Latency(jitter_ns=0.0, late_share=0.0, late_clock_share=0.0, freezes_hz=0.0)


def a_pi(latency=QUIET, **options):
    return SimulatedPi(World(load_scenario("steady"), 1), 1, latency=latency, **options)


def test_raw_is_slow_by_the_kernels_rounding_and_by_the_crystals_error():
    pi = a_pi()
    pi.wait_until(100.0)
    start_ns, start_s = pi.clock(RAW), pi.true_s
    pi.wait_until(1100.0)
    gone_ns = pi.clock(RAW) - start_ns
    error_ppm = pi._world.pi_ppm_between(start_s, 1100.0)
    assert gone_ns - (pi.true_s - start_s) * 1e9 * (1 + error_ppm * 1e-6) == pytest.approx(-381, abs=110)


def test_raw_goes_in_whole_ticks():
    pi = a_pi()
    readings = [pi.clock(RAW) for _ in range(1000)]
    assert {b - a for a, b in itertools.pairwise(readings)} <= {0, 52, 53, 104, 105}


def test_a_poll_takes_its_time_and_the_pin_is_high_after_the_edge():
    pi = a_pi()
    pi.wait_until(10.0072)
    before = pi.true_s
    for _ in range(100):
        pi.clock(RAW)
        pi.level()
    assert (pi.true_s - before) * 1e9 == pytest.approx(30_000, abs=100)
    levels = []
    while pi.true_s < 10.0075:
        levels.append((pi.level(), pi.true_s))
    first_high = next(at for level, at in levels if level)
    edge_s = 10.0073 - pi._world.pi_error_s(10.0073)
    assert first_high == pytest.approx(edge_s, abs=1e-6)


def test_one_poll_in_a_hundred_is_late_and_the_cores_freeze():
    pi = a_pi(Latency(freezes_hz=0.0, late_clock_share=0.0))
    pi.wait_until(1.0)
    late = 0
    for _ in range(20_000):
        before = pi.true_s
        pi.level()
        late += pi.true_s - before > 1e-6
    assert late == pytest.approx(200, abs=60)
    frozen = a_pi(Latency(jitter_ns=0.0, late_share=0.0, late_clock_share=0.0, freezes_hz=200.0))
    frozen.wait_until(1.0)
    stops, start_s = 0, frozen.true_s
    while frozen.true_s < start_s + 0.5:
        before = frozen.true_s
        frozen.level()
        stops += frozen.true_s - before > 1e-6
    assert stops == pytest.approx(100, abs=40)


def test_the_true_offset_follows_steps_and_slews_of_the_system_clock():
    pi = a_pi(system_error_ns=2500.0)
    pi.wait_until(50.0)
    assert pi.true_offset_ns(pi.clock(REAL)) == pytest.approx(-2500 - 50 * 0.3e3, abs=200)
    pi.step_system_clock(-1e6)
    stepped_ns = pi.true_offset_ns(pi.clock(REAL))
    assert stepped_ns == pytest.approx(1e6 - 17_500, abs=300)
    pi.slew_system_clock(10.0)
    pi.wait_until(60.0)
    assert pi.true_offset_ns(pi.clock(REAL)) - stepped_ns == pytest.approx(-10 * 10.3e3, abs=300)
