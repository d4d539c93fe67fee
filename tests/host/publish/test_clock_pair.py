"""A pair of clocks: both sides bound it, one interruption costs nothing, a step in between is noticed."""

import time

import numpy as np
import pytest
from tcxo_host.publish.clock_pair import read_pair

AHEAD_NS = 1_750_000_000_000_000_000


class Clocks:
    """Clocks that cost ``cost_ns`` a reading; ``late`` and ``steps``: by reading, how much comes in before it."""

    def __init__(self, cost_ns=60, late=None, steps=None):
        self.now_ns, self.count, self.ahead_ns = 1000.0, 0, AHEAD_NS
        self.cost_ns, self.late, self.steps = cost_ns, late or {}, steps or {}

    def __call__(self, which):
        self.now_ns += self.late.get(self.count, 0.0) + self.cost_ns
        self.ahead_ns += int(self.steps.get(self.count, 0))
        self.count += 1
        return int(self.now_ns) + (self.ahead_ns if which == time.CLOCK_REALTIME else 0)


def error_ns(pair):
    return pair.real_ns - pair.raw_ns - AHEAD_NS


def test_the_half_width_is_one_readings_time_and_the_middle_is_right():
    pair = read_pair(Clocks())
    assert error_ns(pair) == 0
    assert pair.half_width_ns == pytest.approx(61)


def test_late_readings_cost_nothing_wherever_they_come():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        late = {int(k): float(rng.uniform(0, 1e5)) for k in rng.choice(17, 8, replace=False)}
        pair = read_pair(Clocks(late=late))
        assert abs(error_ns(pair)) <= pair.half_width_ns
        assert pair.half_width_ns < 70


@pytest.mark.parametrize("step_ns", [1e9, -1e9, 5e6, -5e6, 1000.0, -1000.0, 300.0, -300.0])
@pytest.mark.parametrize("at", range(1, 17))
def test_a_step_in_the_middle_gives_a_pair_from_after_it(step_ns, at):
    pair = read_pair(Clocks(steps={at: step_ns}))
    assert abs(error_ns(pair) - step_ns) <= pair.half_width_ns or (
        # the last readings alone saw it: the pair is from before, and right for its own moment
        at >= 15 and abs(error_ns(pair)) <= pair.half_width_ns
    )


def test_a_clock_that_is_stepped_all_the_time_gives_no_pair():
    assert read_pair(Clocks(steps=dict.fromkeys(range(0, 200, 5), 1e6))) is None


def test_real_clocks():
    pair = read_pair()
    assert 0 < pair.half_width_ns < 1e6
    assert abs(pair.real_ns - time.time_ns()) < 10**9
