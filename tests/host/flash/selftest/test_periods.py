"""Periods of an exact signal: each kind of fault by its own name, alone and among thousands of good ones."""

import numpy as np
import pytest
from tcxo_host.flash.selftest.periods import Periods, examine
from tcxo_host.flash.selftest.recording import Capture

P = 84_000  # 1 kHz at 84 MHz
N = 1000


def signal(count=N, period=P, start=(1 << 32) - 500 * P):
    """An exact signal, over a wrap of the counter."""
    return np.arange(count, dtype=np.int64), start + period * np.arange(count, dtype=np.int64)


def examined(numbers, ticks):
    return examine(Capture(numbers, ticks, np.zeros(len(ticks), dtype=np.int64)), P)


def test_every_period_of_an_exact_signal_is_exact():
    assert examined(*signal()) == Periods(count=N - 1, exact=N - 1)


def test_edges_that_the_board_counted_and_lost_are_no_fault():
    numbers, ticks = signal()
    kept = np.r_[0:300, 700:N]
    assert examined(numbers[kept], ticks[kept]) == Periods(count=599, exact=599)


def test_an_edge_that_nobody_counted_is_lost():
    numbers, ticks = signal()
    assert examined(numbers[:-1], np.delete(ticks, 400)) == Periods(count=N - 2, exact=N - 3, lost=1)
    gone = np.delete(ticks, [400, 401, 700])
    assert examined(numbers[: len(gone)], gone) == Periods(count=N - 4, exact=N - 6, lost=3)


@pytest.mark.parametrize("later", [0, 1, 84, P // 2, P - 1])
def test_an_edge_too_many_is_doubled(later):
    ticks = signal(N - 1)[1]
    ticks = np.insert(ticks, 401, ticks[400] + later)
    assert examined(np.arange(N), ticks).doubled == 1
    assert examined(np.arange(N), ticks).lost == 0


@pytest.mark.parametrize(("sign", "name"), [(1, "wraps_added"), (-1, "wraps_missed")])
def test_a_wrap_counted_wrong_is_told_as_that_and_nothing_else(sign, name):
    numbers, ticks = signal()
    ticks[500:] += sign * (1 << 32)
    assert examined(numbers, ticks) == Periods(count=N - 1, exact=N - 2, **{name: 1})


def test_one_edge_put_into_the_wrong_wrap_is_both():
    numbers, ticks = signal()
    ticks[500] += 1 << 32
    assert examined(numbers, ticks) == Periods(count=N - 1, exact=N - 3, wraps_added=1, wraps_missed=1)


@pytest.mark.parametrize("ppm", [-1e6 / 3, -100, -10, -0.5, 0.5, 3, 10, 1000, 1e6])
def test_another_clock_is_measured(ppm):
    ticks = np.rint(P * (1 + ppm / 1e6) * np.arange(N)).astype(np.int64)
    found = examined(np.arange(N), ticks)
    assert found.clock_ppm == pytest.approx(ppm, abs=0.03, rel=1e-6)
    assert not found.is_foreign
    assert (found.lost, found.doubled, found.slips) == (0, 0, 0)


def test_an_edge_that_comes_as_the_input_samples_is_a_tick_to_and_fro_and_no_other_clock():
    random = np.random.default_rng(1)
    numbers, ticks = signal()
    found = examined(numbers, ticks + random.integers(0, 2, N))
    assert found.clock_ppm is None
    assert found.exact + found.sampled == N - 1
    assert found.sampled > 300


def test_an_edge_beside_its_place_and_a_slip_of_the_counter():
    numbers, ticks = signal()
    ticks[300] += 50
    assert examined(numbers, ticks) == Periods(count=N - 1, exact=N - 3, displaced=1)
    ticks[300] -= 50
    ticks[600:] += 50
    assert examined(numbers, ticks) == Periods(count=N - 1, exact=N - 2, slips=1)


def test_hum_on_an_open_input_is_not_the_signal():
    random = np.random.default_rng(2)
    ticks = np.cumsum(random.integers(P // 50, 30 * P, 200))
    assert examined(np.arange(200), ticks).is_foreign


@pytest.mark.parametrize("count", [0, 1])
def test_less_than_two_edges_have_no_period(count):
    numbers, ticks = signal(count)
    assert examined(numbers, ticks) == Periods()


def test_counts_add_up():
    both = Periods(count=3, exact=2, lost=1, clock_ppm=-5.0) + Periods(count=4, exact=4, clock_ppm=2.0)
    assert both == Periods(count=7, exact=6, lost=1, clock_ppm=-5.0)
