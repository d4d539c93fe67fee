"""A burst passes, then a line a second; what was held back is logged as soon as it can be."""

from tcxo_host.daemon.rate_limit import RateLimit


def test_a_flood_is_cut_to_a_line_a_second_and_counted():
    limit = RateLimit()
    passed = sum(limit.passes(100.0 + n / 1000) for n in range(10_000))
    assert 19 <= passed <= 20
    assert limit.take_kept_back(109.9995) == 0
    assert limit.take_kept_back(111.5) == 10_000 - passed
    assert limit.take_kept_back(120.0) == 0


def test_few_lines_all_pass():
    limit = RateLimit()
    assert all(limit.passes(float(second)) for second in range(100))
    assert limit.take_kept_back(101.0) == 0


def test_an_old_flood_leaves_no_more_than_a_burst():
    limit = RateLimit()
    assert sum(limit.passes(1e6) for _ in range(50)) == 10
