"""Whether two series are of one crystal: the verdict's word, and an interval that keeps what it promises.

chrony is a model here: a first-order lag with an error that wanders. The factors that it gives for chronyd 4.3 itself,
on simulated clocks with a PPS of 1 us: -1.00 with tempcomp, -1.04 without, -2.05 where the file is not read and
-3.09 where its sign is turned.
"""

import math

import numpy as np
import pytest
from tcxo_host.cli.prove.crystal import Knows, Verdict, judge

EVERY_S = 10.0
HOUR = 360
PPS = Knows(0.006, 16.0)
CHRONY_LAG_S = 100.0


def lagged(values, lag_s):
    followed, last = [], values[0]
    for value in values:
        last = value + (last - value) * math.exp(-EVERY_S / lag_s)
        followed.append(last)
    return np.array(followed)


def crystal(rng, count=HOUR, warm_ppm=0.3, walk_ppm=0.0015):
    """A Pi that wanders, and is warmed for ten minutes after the first ten."""
    warm = np.zeros(count)
    warm[60:120] = warm_ppm
    return 3.0 + lagged(warm, 150.0) + np.cumsum(rng.normal(0, walk_ppm, count))


def wandering(rng, count, sigma_ppm, time_constant_s):
    keep = math.exp(-EVERY_S / time_constant_s)
    values = [rng.normal(0, sigma_ppm)]
    for _ in range(count - 1):
        values.append(keep * values[-1] + rng.normal(0, sigma_ppm * math.sqrt(1 - keep**2)))
    return np.array(values)


def judged(rng, board, own, file=None, knows=PPS, noise_ppm=0.005, time_constant_s=100.0):
    """``own``: what chrony's own frequency follows, after its lag; ``file``: what it is believed to apply."""
    followed = lagged(own, CHRONY_LAG_S) + wandering(rng, own.size, noise_ppm, time_constant_s)
    seen = board + rng.normal(0, 0.001, board.size)
    time_s = np.arange(board.size) * EVERY_S
    return judge(time_s, seen, followed - (0.0 if file is None else file), file is not None, knows)


def case(name, rng, count=HOUR):
    board = crystal(rng, count)
    file = 3.0 - board
    other = 1.0 + 0.55 * (board - 3.0) + wandering(rng, count, 0.02, 2000.0)
    return {
        "with tempcomp": (board, board + file, file),
        "without": (board, board, None),
        "turned, without": (board, -board, None),
        "not read": (board, board, file),
        "sign turned in chrony": (board, board - file, file),
        "another crystal with tempcomp": (board, other + file, file),
        "another crystal": (board, other, None),
        "another crystal that is still": (board, np.full(count, 2.0), None),
    }[name]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("with tempcomp", Verdict.RIGHT),
        ("without", Verdict.RIGHT),
        ("turned, without", Verdict.WRONG_SIGN),
        ("not read", Verdict.NOT_APPLIED),
        ("sign turned in chrony", Verdict.INVERTED),
        ("another crystal with tempcomp", Verdict.OTHER_CRYSTAL),
        ("another crystal", Verdict.OTHER_CRYSTAL),
        ("another crystal that is still", Verdict.OTHER_CRYSTAL),
    ],
)
def test_the_verdict_in_ten_worlds(name, verdict):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        assert judged(rng, *case(name, rng)).verdict is verdict


def test_the_interval_holds_the_truth_in_95_of_100():
    """Of 200 each, with errors of chrony that wander in seconds, minutes and most of the hour."""
    for noise_ppm, time_constant_s in ((0.005, 10.0), (0.01, 100.0), (0.01, 600.0), (0.01, 3000.0)):
        held = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            found = judged(
                rng,
                *case("with tempcomp", rng),
                noise_ppm=noise_ppm,
                time_constant_s=time_constant_s,
                knows=Knows(0.0, 16.0),
            )
            held += found.slope_low <= -1.0 <= found.slope_high
        assert held >= 178, (time_constant_s, held)  # 190 expected; 178 is 3.9 sigma below 95 %


def test_chronys_lag_is_found_and_does_not_pass_for_another_factor():
    slopes = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = judged(rng, *case("without", rng))
        assert found.lag_s == pytest.approx(CHRONY_LAG_S, rel=0.7)
        slopes.append(found.slope)
    assert np.mean(slopes) == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize("active", [True, False])
def test_a_crystal_that_rests_tells_nothing(active):
    rng = np.random.default_rng(1)
    board = crystal(rng, warm_ppm=0.0, walk_ppm=0.0)
    found = judged(rng, board, board, 3.0 - board if active else None)
    assert found.verdict is Verdict.TOO_LITTLE
    assert found.moved_ppm < 0.005


def test_a_chrony_that_is_slow_or_unsure_proves_nothing():
    """With NTP at poll 8 its frequency stays where it is, whatever is wired to the board."""
    rng = np.random.default_rng(1)
    board = crystal(rng)
    still = np.full(board.size, 3.0)
    for knows in (Knows(0.03, 256.0), Knows(0.2, 16.0), None):
        assert judged(rng, board, still, 3.0 - board, knows).verdict is Verdict.TOO_LITTLE
    assert judged(rng, board, still, 3.0 - board, Knows(0.006, 16.0)).verdict is Verdict.RIGHT


def test_where_only_the_kernel_is_asked_chrony_must_be_seen_to_move():
    rng = np.random.default_rng(1)
    assert judged(rng, *case("without", rng), knows=None).verdict is Verdict.RIGHT
    assert judged(rng, *case("another crystal that is still", rng), knows=None).verdict is Verdict.TOO_LITTLE


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_a_few_samples_tell_nothing(count):
    values = np.linspace(0.0, 1.0, count)
    found = judge(np.arange(count) * EVERY_S, values, values, False, PPS)
    assert (found.verdict, found.slope) == (Verdict.TOO_LITTLE, None)


def test_a_pause_of_the_daemon_does_no_harm():
    rng = np.random.default_rng(4)
    board, own, _ = case("without", rng)
    time_s = np.arange(board.size) * EVERY_S
    kept = (time_s < 1000) | (time_s > 1500)
    found = judge(time_s[kept], board[kept], lagged(own, CHRONY_LAG_S)[kept], False, PPS)
    assert found.verdict is Verdict.RIGHT
