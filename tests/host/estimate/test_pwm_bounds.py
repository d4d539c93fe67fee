"""What the PWM's tracker does with more edges than a block can hold."""

import tracemalloc

import numpy as np
import pytest
from support.streams import TICK_HZ, PerfectBoard
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman

PI_PPM = 0.3


def seconds(count, board):
    for _ in range(count):
        ticks = {role: np.array(each, np.int64) for role, (_, each) in board.edges().items()}
        yield Second(board.tick_now(), ticks)


@pytest.fixture
def board():
    return PerfectBoard(1.0, PI_PPM, 0.0)


@pytest.fixture
def kalman(board):
    made = Kalman()
    made.restart(Board("TEST", 1, TICK_HZ, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0}))
    for second in seconds(60, board):
        made.update(second)
    return made


def check(estimate):
    if estimate.usable:
        assert estimate.freq_error_ppm == pytest.approx(PI_PPM, abs=0.005)


def test_the_memory_for_a_second_with_many_edges_is_bounded(kalman, board):
    """Each edge eighty times a tick apart: 4000 edges in a second."""
    tracemalloc.start()
    for second in seconds(5, board):
        pwm = np.unique(np.concatenate([second.ticks["host_pwm"] + n for n in range(80)]))
        assert pwm.size == 4000
        check(kalman.update(Second(second.tick_now, {**second.ticks, "host_pwm": pwm})))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 128 << 20
    for second in seconds(30, board):
        check(kalman.update(second))


def test_a_long_gap_with_all_its_edges_is_bounded_too(kalman, board):
    made = list(seconds(60, board))
    pwm = np.concatenate([each.ticks["host_pwm"] for each in made])
    tracemalloc.start()
    check(kalman.update(Second(made[-1].tick_now, {**made[-1].ticks, "host_pwm": pwm})))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 128 << 20
