"""The rate of edges is counted between edges, not between seconds, so that a good 1 Hz reads 1.000."""

import pytest
from tcxo_host.edges.collector import ChannelLedger
from tcxo_host.edges.rates import WINDOW_S, EdgeRates


def rates(*seen, tick_hz=1000.0):
    """The last rate after ledgers of ``(last_tick, seen)``, one a second."""
    meter = EdgeRates()
    for last_tick, count in seen:
        ledger = ChannelLedger("gps_pps", 1.0, seen=count, last_tick=last_tick)
        rate = meter.take({"gps_pps": ledger}, tick_hz)
    return rate["gps_pps"]


def test_a_second_pulse_that_falls_now_left_now_right_of_the_seconds_end_is_still_one_hertz():
    assert rates((10, 1), (1010, 2), (1010, 2), (3010, 4), (4010, 5)) == pytest.approx(1.0)


def test_missing_edges_lower_it():
    assert rates(*((n * 1000, n) for n in range(5)), (9000, 5)) == pytest.approx(5 / 9)


def test_old_edges_fall_out_of_the_window():
    slow = [(n * 1000, n) for n in range(20)]
    fast = [(19_000 + n * 500, 19 + n) for n in range(1, WINDOW_S + 2)]
    assert rates(*slow, *fast) == pytest.approx(2.0)


@pytest.mark.parametrize("seen", [[(None, 0)], [(None, 0), (5, 1)], [(5, 1)], [(5, 1), (5, 1)]])
def test_one_edge_tells_no_rate(seen):
    assert rates(*seen) is None


def test_a_silent_channel_has_rate_zero():
    assert rates((0, 1), (1000, 2), *[(1000, 2)] * (WINDOW_S + 1)) == 0


def test_a_board_that_restarts_begins_anew():
    assert rates((90_000, 90), (91_000, 91), (None, 91), (500, 92)) is None
    assert rates((90_000, 90), (91_000, 91), (500, 92), (1500, 93)) == pytest.approx(1.0)
