"""The simulated clocks have the noise they claim, and the world is the same however it is stepped."""

import dataclasses
import math
from itertools import islice

import allantools
import numpy as np
import pytest
from tcxo_host.sim.drives import Drive, value_at
from tcxo_host.sim.oscillators import (
    Clock,
    ClockNoise,
    GpsNoise,
    GpsReceiver,
    TickCounter,
    comb_times,
    stream,
)
from tcxo_host.sim.scenario import Crystal, Fault, Gps, Scenario
from tcxo_host.sim.world import CHUNK_S, World


def _time_error_s(noise: ClockNoise, seconds: int, chunk: int = 500) -> np.ndarray:
    clock = Clock(noise, lambda t: np.zeros(len(t)), 1.0)
    parts = [np.zeros(1)]
    for number in range(seconds // chunk):
        error_s = clock.advance(stream(11, "clock", number), number * chunk, chunk)
        parts.append(parts[-1][-1] + error_s[1:])
    return np.concatenate(parts)


def _adev(error_s: np.ndarray, taus_s: list[float]) -> np.ndarray:
    _, deviation, _, _ = allantools.oadev(error_s, rate=1.0, data_type="phase", taus=taus_s)
    return deviation


def test_white_fm_has_its_allan_deviation():
    taus = [1.0, 10.0, 100.0]
    adev = _adev(_time_error_s(ClockNoise(white_fm=1e-9), 100_000), taus)
    assert adev == pytest.approx([1e-9 / math.sqrt(tau) for tau in taus], rel=0.06)


def test_random_walk_fm_has_its_allan_deviation():
    taus = [2.0, 10.0, 100.0]
    adev = _adev(_time_error_s(ClockNoise(random_walk_fm=2e-11), 100_000), taus)
    assert adev == pytest.approx([2e-11 * math.sqrt(tau / 3) for tau in taus], rel=0.12)


def test_comb_times_inverts_a_constant_frequency():
    error_s = np.arange(101) * 0.02 * 5e-6
    readings, times = comb_times(error_s, 0.02, 0.02, 0.0073)
    assert len(readings) == 100
    assert times == pytest.approx(readings / (1 + 5e-6), abs=1e-14)


def test_counter_rounds_down_and_keeps_the_fraction_over_chunks():
    counter = TickCounter(10)
    for _ in range(7):
        counter.advance(1, 0.01)  # 10.1 ticks each
    assert counter.read(np.array([0.0, 0.35]), np.zeros(2)).tolist() == [70, 74]


def test_gps_noise_adds_up():
    receiver = GpsReceiver(GpsNoise(white_ns=15.0, sawtooth_ns=10.0, steps=[(30_000, 1000.0)]))
    error_ns = receiver.advance(stream(3, "gps", 0), 0, 40_000) * 1e9
    assert error_ns[:30_000].std() == pytest.approx(math.hypot(15.0, 10.0 / math.sqrt(3)), rel=0.03)
    assert error_ns[30_000:].mean() == pytest.approx(1000.0, abs=1.0)


def test_gps_wander_is_slow_and_has_its_size():
    receiver = GpsReceiver(GpsNoise(white_ns=0.0, sawtooth_ns=0.0, wander_ns=30.0, wander_time_s=100.0))
    error_ns = receiver.advance(stream(3, "gps", 0), 0, 40_000) * 1e9
    assert error_ns.std() == pytest.approx(30.0, rel=0.1)
    assert np.mean(error_ns[100:] * error_ns[:-100]) == pytest.approx(900.0 / math.e, rel=0.2)


def test_load_drive_follows_the_first_order_lag():
    drive = Drive("load", 0.6, period_s=600.0, time_constant_s=120.0)
    t = np.arange(0.0, 3000.0, 0.5)
    lagged, expected = 0.0, []
    for now in t:
        expected.append(lagged)
        target = 0.6 if int(now // 300) % 2 else 0.0
        lagged = target + (lagged - target) * math.exp(-0.5 / 120.0)
    assert value_at(drive, t) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("drive", "at_s", "value"),
    [
        (Drive("sinusoid", 2.0, period_s=40.0), 10.0, 2.0),
        (Drive("warm-up", -3.0, time_constant_s=50.0), 50.0, -3.0 / math.e),
        (Drive("step", 1.5, at_s=10.0), 9.9, 0.0),
        (Drive("step", 1.5, at_s=10.0), 10.0, 1.5),
    ],
)
def test_drives(drive, at_s, value):
    assert value_at(drive, np.array([at_s]))[0] == pytest.approx(value)


QUIET = Scenario("quiet", "", tcxo=Crystal(0.5), pi=Crystal(0.3), rtc=Crystal(-1.2))


def test_edges_land_on_the_ticks_of_the_clocks_they_come_from():
    world = World(QUIET, 5)
    seconds = [world.step() for _ in range(3 * CHUNK_S)]
    pwm = np.concatenate([second.edges["host_pwm"] for second in seconds])
    # The Pi's second lasts 1 / (1 + 0.3e-6) true seconds of (1 + 0.5e-6) * 84e6 ticks each.
    per_edge = 84e6 / 50 * (1 + 0.5e-6) / (1 + 0.3e-6)
    assert np.abs(pwm - pwm[0] - per_edge * np.arange(len(pwm))).max() <= 1.001
    assert seconds[10].tick_end == 11 * 84_000_042
    assert [len(s.edges["gps_pps"]) for s in seconds] == [1] * len(seconds)
    assert seconds[-1].truth_pi_ppm == pytest.approx(0.3, abs=1e-8)
    assert seconds[-1].truth_tcxo_ppm == pytest.approx(0.5, abs=1e-8)
    assert seconds[-1].truth_rtc_ppm == pytest.approx(-1.2, abs=1e-8)


def test_every_edge_lies_in_its_second():
    world = World(dataclasses.replace(QUIET, pi=Crystal(-400.0, jitter_ns=50.0)), 5)
    before, last = 0, {}
    for second in (world.step() for _ in range(2 * CHUNK_S)):
        for role, ticks in second.edges.items():
            assert (ticks >= before).all()
            assert (ticks < second.tick_end).all()
            assert (np.diff(ticks) > 0).all()
            assert len(ticks) == 0 or ticks[0] > last.get(role, -1)
            last[role] = ticks[-1] if len(ticks) else last.get(role, -1)
        before = second.tick_end


def test_the_world_is_the_same_however_it_is_stepped():
    one, other = World(QUIET, 9), World(QUIET, 9)
    other.pi_ppm_between(400.0, 700.0)
    other.time_of_tick(84_000_000 * 300)
    for _ in range(400):
        a, b = one.step(), other.step()
        assert a.tick_end == b.tick_end
        assert all((a.edges[role] == b.edges[role]).all() for role in a.edges)


def test_another_seed_is_another_world():
    one, other = World(QUIET, 9), World(QUIET, 10)
    pairs = [(one.step().edges["gps_pps"][0], other.step().edges["gps_pps"][0]) for _ in range(20)]
    assert any(a != b for a, b in pairs)


def test_truth_between_any_two_times_agrees_with_the_seconds():
    world = World(dataclasses.replace(QUIET, pi=Crystal(0.3, 1e-9, 1e-9)), 5)
    truths = [world.step().truth_pi_ppm for _ in range(200)]
    assert world.pi_ppm_between(126.0, 130.0) == pytest.approx(np.mean(truths[126:130]), abs=1e-9)
    with pytest.raises(ValueError, match="no time"):
        world.pi_ppm_between(5.0, 5.0)
    world.pi_ppm_between(2000.0, 2001.0)
    with pytest.raises(ValueError, match="history"):
        world.pi_ppm_between(3.0, 4.0)


def test_time_of_tick_inverts_the_count():
    world = World(QUIET, 5)
    ends = [world.step().tick_end for _ in range(200)]
    assert world.time_of_tick(ends[150]) == pytest.approx(151.0, abs=1e-7)


def test_fractional_divider_moves_edges_by_its_own_tick_at_most():
    scenario = dataclasses.replace(
        QUIET, pwm=dataclasses.replace(QUIET.pwm, grid_hz=19.2e6, grid_step=0.3711)
    )
    jittery, plain = (
        np.concatenate([s.edges["host_pwm"] for s in islice(World(each, 5).seconds(), 50)])
        for each in (scenario, QUIET)
    )
    moved = jittery - plain
    assert moved.min() == -math.ceil(84e6 / 19.2e6)
    assert moved.max() == 0
    assert len(np.unique(moved)) >= 5


def _edges(faults: list[Fault], role: str, seconds: int) -> list[np.ndarray]:
    world = World(dataclasses.replace(QUIET, fault=tuple(faults)), 5)
    return [world.step().edges[role] for _ in range(seconds)]


def test_outage_removes_a_channel_for_its_time_and_again():
    counts = [
        len(e) for e in _edges([Fault("outage", "gps_pps", at_s=3, every_s=10, duration_s=2)], "gps_pps", 20)
    ]
    assert [k for k, n in enumerate(counts) if n == 0] == [3, 4, 13, 14]


def test_dropout_removes_its_share():
    total = sum(len(e) for e in _edges([Fault("dropout", probability=0.05)], "host_pwm", 400))
    assert total == pytest.approx(20_000 * 0.95, abs=4 * math.sqrt(20_000 * 0.05))


def test_glitch_moves_one_edge_and_extra_adds_one():
    plain = _edges([], "host_pwm", 10)
    moved = _edges([Fault("glitch", "host_pwm", at_s=5.41, shift_us=500.0)], "host_pwm", 10)
    changed = [(k, d) for k in range(10) for d in (moved[k] - plain[k]) if d]
    assert changed == [(5, 42_000)]
    more = _edges([Fault("extra", "host_pwm", at_s=5.41, shift_us=500.0)], "host_pwm", 10)
    assert [len(e) for e in more] == [50, 50, 50, 50, 50, 51, 50, 50, 50, 50]
    assert set(plain[5]) < set(more[5])


def test_events_come_in_the_second_they_start_in():
    scenario = dataclasses.replace(QUIET, fault=(Fault("reboot", at_s=4.5, every_s=6, duration_s=3.0),))
    events = [(s.index, e.at_s) for s in islice(World(scenario, 5).seconds(), 20) for e in s.events]
    assert events == [(4, 4.5), (10, 10.5), (16, 16.5)]


def test_a_second_lag_is_the_first_lags_answer_lagged_again():
    """Against a step-by-step integration of the second lag."""
    t = np.arange(0.0, 600.0, 0.01)
    once = value_at(Drive("load", 1.0, period_s=120.0, time_constant_s=30.0), t)
    twice = value_at(Drive("load", 1.0, period_s=120.0, time_constant_s=30.0, second_lag_s=5.0), t)
    expected = np.zeros_like(once)
    for k in range(1, len(t)):
        expected[k] = expected[k - 1] + (once[k - 1] - expected[k - 1]) * 0.01 / 5.0
    assert twice == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(
    ("drive", "values"),
    [
        (Drive("shock", 2.0, at_s=10.0, time_constant_s=60.0), {5.0: 0.0, 70.0: 2.0 * (1 - math.exp(-1))}),
        (Drive("ramp", 2.0, at_s=10.0, duration_s=60.0), {5.0: 0.0, 40.0: 1.0, 70.0: 2.0, 500.0: 2.0}),
        (
            Drive("draught", 2.0, at_s=10.0, duration_s=600.0, period_s=60.0),
            {5.0: 0.0, 10.0: 0.0, 620.0: 0.0},
        ),
    ],
)
def test_what_sets_in_later(drive, values):
    assert value_at(drive, np.array(list(values))) == pytest.approx(list(values.values()))


def test_a_draught_blows_between_nothing_and_its_amplitude():
    gusts = value_at(Drive("draught", 2.0, duration_s=600.0, period_s=60.0), np.arange(600.0))
    assert gusts.min() >= 0.0
    assert 1.5 < gusts.max() <= 2.0


def edges_of(fault, role, seconds):
    """The role's edges with and without the fault, in seconds of the counter."""
    plain = World(Scenario("plain", ""), 1)
    spoiled = World(Scenario("spoiled", "", fault=(fault,)), 1)
    pairs = [(plain.step().edges[role], spoiled.step().edges[role]) for _ in range(seconds)]
    return np.concatenate([(b - a) / 84e6 for a, b in pairs])


def test_a_shift_is_for_good_and_adds_up():
    late_s = edges_of(Fault("shift", "host_pwm", at_s=2.5, every_s=2.0, shift_us=0.5), "host_pwm", 7)
    assert late_s[:120] == pytest.approx(0.0)
    assert late_s[130:220] == pytest.approx(0.5e-6, abs=1.3e-8)
    assert late_s[-20:] == pytest.approx(1.5e-6, abs=1.3e-8)


def test_jitter_has_its_size_and_its_end():
    late_s = edges_of(Fault("jitter", "gps_pps", at_s=100.0, duration_s=400.0, shift_us=1.0), "gps_pps", 600)
    assert late_s[100:500].std() == pytest.approx(1e-6, rel=0.15)
    assert not late_s[:100].any()
    assert not late_s[500:].any()


def test_a_receiver_that_runs_freely_gains_what_its_drive_says():
    gps = Gps(white_ns=0.0, sawtooth_ns=0.0, drive=(Drive("step", 0.05, at_s=200.0),))
    plain = World(Scenario("a", "", gps=Gps(white_ns=0.0, sawtooth_ns=0.0)), 1)
    fast = World(Scenario("b", "", gps=gps), 1)
    early_s = [
        (plain.step().edges["gps_pps"][0] - fast.step().edges["gps_pps"][0]) / 84e6 for _ in range(400)
    ]
    assert early_s[150] == 0.0
    assert early_s[-1] == pytest.approx(0.05e-6 * 200, abs=3e-8)
