"""The intervals of a comparison hold a known truth, and blocks are what is counted."""

import numpy as np
import pytest
from support.chrony_logs import wandering
from tcxo_host.cli.prove import effect
from tcxo_host.cli.prove.blocks import Block, as_values, from_values, pairs_of, plan
from tcxo_host.cli.prove.effect import Series, compare
from tcxo_host.cli.prove.intervals import bootstrap, student_t

BLOCK_S = 1800.0
SETTLE_S = 600.0
EVERY_S = 16.0


def blocks_of(arms):
    return [Block(arm, n * BLOCK_S, (n + 1) * BLOCK_S) for n, arm in enumerate(arms)]


def measured(seed, pairs=24, factor=3.0, weather=0.3, settling=0.0):
    """A day of offsets: held blocks ``factor`` times as large, both with the weather of their pair.

    ``settling``: how much larger everything is in the first ten minutes of a block.
    """
    rng = np.random.default_rng(seed)
    blocks = blocks_of(plan(pairs * 2 * BLOCK_S, BLOCK_S, seed))
    utc_s = np.arange(0.0, len(blocks) * BLOCK_S, EVERY_S)
    number = (utc_s // BLOCK_S).astype(int)
    scale = np.exp(weather * rng.normal(size=pairs))[number // 2]
    scale *= np.array([factor if each.arm == "held" else 1.0 for each in blocks])[number]
    scale *= np.exp(0.1 * rng.normal(size=len(blocks)))[number]
    scale += settling * (utc_s % BLOCK_S < SETTLE_S)
    return Series("clock offset", "ns", utc_s, 100.0 * scale * wandering(rng, utc_s.size, 1.0)), blocks


def compared(series, blocks):
    return compare(series, pairs_of(blocks), SETTLE_S)


class TestCoverage:
    """200 seeded runs: the truth is inside in 95 of 100; what is not there is seen in 5 of 100."""

    @pytest.fixture(autouse=True)
    def without_percentiles(self, monkeypatch):
        monkeypatch.setattr(effect, "_percentiles", lambda blocks: {})

    @pytest.mark.parametrize(("pairs", "factor"), [(24, 3.0), (24, 1.0), (8, 1.3), (5, 1.0)])
    def test_the_interval_of_the_ratio(self, pairs, factor):
        found = [compared(*measured(seed, pairs, factor)) for seed in range(200)]
        held = sum(each.ratio_low <= factor <= each.ratio_high for each in found)
        assert 180 <= held <= 199  # 190 expected, 3.1 each one standard deviation
        if factor == 1.0:
            assert sum(each.verdict == "none" for each in found) == held

    def test_a_clear_effect_is_always_seen_over_a_day(self):
        assert {compared(*measured(seed)).verdict for seed in range(50)} == {"helps"}
        assert {compared(*measured(seed, factor=0.33)).verdict for seed in range(50)} == {"harms"}


def test_the_intervals_of_percentiles():
    """Of 30 runs of 12 hours, as each draws 2000 times."""
    truth = 100.0 * np.array(
        [-2.35, -0.674, 0.0, 0.674, 2.35]
    )  # blocks differ by a tenth, which widens the tails
    held = np.zeros(5)
    for seed in range(30):
        found = compared(*measured(seed, 12, factor=1.0, weather=0.0)).percentiles["on"]
        assert all(low <= value <= high for value, low, high in found.values())
        held += [low <= each <= high for each, (_, low, high) in zip(truth, found.values(), strict=True)]
    assert held[1:4].min() >= 25, held  # 28 expected
    assert held.min() >= 21, held  # the outermost percent rests on a few samples: 85 of 100, as the page says


def test_settling_is_cut():
    steady, blocks = measured(1)
    upset, _ = measured(1, settling=50.0)
    assert compared(upset, blocks).on_rms == pytest.approx(compared(steady, blocks).on_rms, rel=0.001)
    assert compare(upset, pairs_of(blocks), 0.0).on_rms > 5 * compared(steady, blocks).on_rms


def test_a_constant_bias_of_a_refclock_is_no_error():
    series, blocks = measured(2)
    biased = Series("refclock PPS", "ns", series.utc_s, series.values + 11_000.0, centred=True)
    assert compared(biased, blocks).ratio == pytest.approx(compared(series, blocks).ratio, rel=0.02)


@pytest.mark.parametrize("pairs", [0, 1, 4])
def test_few_blocks_say_nothing(pairs):
    series, blocks = measured(3, pairs=6)
    found = compare(series, pairs_of(blocks)[:pairs], SETTLE_S)
    assert (found.verdict, found.ratio, found.pairs) == ("too-few", None, pairs)


@pytest.mark.parametrize("values", [np.zeros(5400), np.empty(0)], ids=["all zero", "no sample"])
def test_a_log_that_says_nothing(values):
    _, blocks = measured(3)
    series = Series("x", "ns", np.arange(values.size) * EVERY_S, values)
    assert compared(series, blocks).verdict == "too-few"


class TestPlan:
    """Blocks in pairs, the order by chance."""

    def test_every_pair_has_both_and_the_order_is_chance(self):
        arms = plan(86400, BLOCK_S, seed=7)
        pairs = list(zip(arms[::2], arms[1::2], strict=True))
        assert len(arms) == 48
        assert set(pairs) == {("on", "held"), ("held", "on")}
        assert plan(86400, BLOCK_S, seed=7) == arms != plan(86400, BLOCK_S, seed=8)
        assert plan(BLOCK_S, BLOCK_S, seed=1) == []

    def test_a_pair_with_a_bad_block_is_left_out(self):
        first, second = blocks_of(["held", "on"])
        assert pairs_of([first, second]) == [(second, first)]
        assert pairs_of([first, Block("on", 1800.0, 3600.0, "the daemon was away")]) == []
        assert pairs_of([first, second, first]) == [(second, first)]

    def test_it_outlives_the_command(self):
        blocks = [*blocks_of(["held", "on"]), Block("on", 5.0, 6.0, "x")]
        assert from_values({"blocks": as_values(blocks)}) == blocks

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"blocks": 1},
            {"blocks": [["on", 1, 2]]},
            {"blocks": [["on", 2, 1, ""]]},
            {"blocks": [["off", 1, 2, ""]]},
            {"blocks": [["on", "x", 2, ""]]},
            {"blocks": [["on", float("nan"), 2, ""]]},
            {"blocks": [["on", 1, 2, ""], ["on", 3, 4, ""]]},
        ],
    )
    def test_a_damaged_record_is_refused(self, content):
        with pytest.raises(ValueError, match="damaged|no pairs|could not convert|unpack"):
            from_values(content)


class TestIntervals:
    """The parts that the above is made of."""

    def test_students_t(self):
        table = {3: 3.182, 4: 2.776, 7: 2.365, 10: 2.228, 30: 2.042, 1e9: 1.960}
        for freedom, quantile in table.items():
            assert student_t(freedom) == pytest.approx(quantile, rel=0.01)

    def test_the_bootstrap_is_the_same_for_the_same_seed(self):
        values = np.arange(10.0)
        once, again = (bootstrap(10, lambda drawn: values[drawn].mean(axis=1)) for _ in range(2))
        assert once == again
        assert once[0] < 4.5 < once[1]
