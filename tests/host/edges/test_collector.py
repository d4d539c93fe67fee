"""The collector keeps order and accounts for every edge."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streams import TICK_HZ, PerfectBoard, identify, status
from tcxo_host.edges.collector import EdgeCollector
from tcxo_protocol.records import Edges, ProtocolError, build_record


def body(edges: Edges) -> bytes:
    return build_record(edges)[3:]


@pytest.fixture
def collector():
    made = EdgeCollector()
    made.take_identify(identify())
    return made


def test_nothing_is_used_before_the_board_is_known():
    collector = EdgeCollector()
    collector.take_edges(body(Edges(0, 0, 0, (5,))))
    assert collector.take_status(status(10)) is None
    assert collector.needs_identify


def test_a_second_holds_the_edges_since_the_last_status(collector):
    board = PerfectBoard(pi_ppm=3)
    for _ in range(3):
        for role, (number, ticks) in board.edges().items():
            channel = {"gps_pps": 0, "rtc_pps": 1, "host_pwm": 2}[role]
            collector.take_edges(body(Edges(channel, 0, number, tuple(ticks))))
        second = collector.take_status(status(board.tick_now()))
        assert {role: ticks.size for role, ticks in second.ticks.items()} == {
            "gps_pps": 1, "rtc_pps": 1, "host_pwm": 50,
        }  # fmt: skip
        assert second.tick_now == board.tick_now()
    assert collector.ledgers["host_pwm"].seen == 150


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_seen_plus_lost_is_what_the_board_captured(kept):
    kept[0] = kept[-1] = True
    collector = EdgeCollector()
    collector.take_identify(identify())
    for number, keep in enumerate(kept):
        if keep:
            collector.take_edges(body(Edges(2, 0, number, (1000 + number * 1_680_000,))))
    second = collector.take_status(status(1000 + len(kept) * 1_680_000))
    ledger = collector.ledgers["host_pwm"]
    assert (ledger.seen, ledger.lost) == (sum(kept), len(kept) - sum(kept))
    assert second.lost.get("host_pwm", 0) == ledger.lost


def test_repeated_records_are_dropped_and_counted(collector):
    record = body(Edges(2, 0, 0, (10, 20, 30)))
    collector.take_edges(record)
    collector.take_edges(record)
    assert collector.take_status(status(40)).ticks["host_pwm"].tolist() == [10, 20, 30]
    assert collector.ledgers["host_pwm"].duplicates == 3
    assert collector.take_status(status(40)) is None
    assert not collector.needs_identify


def close(collector, seconds, *edges):
    """The second that ends so long after tick 0, with these edge records in it."""
    for each in edges:
        collector.take_edges(body(each))
    return collector.take_status(status(round(seconds * TICK_HZ)))


def test_a_board_that_began_anew_unseen_is_asked_who_it_is(collector):
    """Its edges and seconds lie behind all others: nothing is closed until it has told."""
    close(collector, 1000, Edges(2, 0, 50_000, (999 * TICK_HZ,)))
    assert not collector.account.wants_identify
    assert close(collector, 5, Edges(2, 0, 3, (4 * TICK_HZ,))) is None
    assert collector.account.wants_identify
    assert "run backwards" in collector.account.doubt
    assert collector.take_identify(identify(boot_id=2))
    second = close(collector, 6, Edges(2, 0, 4, (5 * TICK_HZ + 1,)))
    assert second.ticks["host_pwm"].tolist() == [5 * TICK_HZ + 1]
    assert not collector.account.wants_identify


def test_a_board_without_a_random_boot_id_begins_anew_too(collector):
    """When it says that it is the same one and its ticks all stand behind, they are the ones to believe."""
    close(collector, 1000)
    assert [close(collector, seconds) for seconds in (5, 6, 7, 8)] == [None] * 4
    assert collector.needs_identify
    assert collector.take_identify(identify())
    assert close(collector, 9).tick_now == 9 * TICK_HZ


@pytest.mark.parametrize("wrong_s", [-900.0, -3.0, 1.5, 2.4, 3.0, 60.0, 1e6, 2**40 / TICK_HZ, 5e10])
def test_one_wrong_status_costs_nothing(collector, wrong_s):
    for second in range(1000, 1010):
        close(collector, second)
    close(collector, 1009 + wrong_s)
    seconds = [
        close(collector, second, Edges(0, 0, second, (second * TICK_HZ - 5,))) for second in range(1010, 1020)
    ]
    closed = [each for each in seconds if each is not None]
    assert not collector.needs_identify
    assert all(seconds[3:])
    assert [int(tick) for each in closed for tick in each.ticks["gps_pps"]] == [
        second * TICK_HZ - 5 for second in range(1010, 1020)
    ]


@pytest.mark.parametrize("gap_s", [3, 9, 59, 3600])
def test_seconds_that_were_lost_on_the_line_cost_one_more(collector, gap_s):
    close(collector, 10, Edges(0, 0, 9, (9 * TICK_HZ,)))
    after = 10 + gap_s
    assert close(collector, after, Edges(0, 0, after - 1, ((after - 1) * TICK_HZ,))) is None
    second = close(collector, after + 1, Edges(0, 0, after, (after * TICK_HZ,)))
    assert second.ticks["gps_pps"].size == 2
    assert second.lost == {"gps_pps": gap_s - 1}


def test_a_number_that_cannot_be_a_count_loses_nothing(collector):
    """The ticks tell that the edges are news; the number alone cannot make them a repetition."""
    for second, odd in enumerate([0, 0, 1 << 31, 0, 0, 7]):
        number = (second + odd) % 2**32
        closed = close(collector, second + 1, Edges(0, 0, number, (second * TICK_HZ + 5,)))
        assert closed.ticks["gps_pps"].size == 1
    assert collector.ledgers["gps_pps"].lost == 7
    assert collector.account.wants_identify


def test_edges_that_no_status_closes_do_not_pile_up(collector):
    """Hours of edges without a status, then one: what was given up is counted as lost."""
    tracemalloc.start()
    for number in range(100_000):
        collector.take_edges(body(Edges(2, 0, number, (number * 1_680_000,))))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 8 << 20
    second = collector.take_status(status(100_000 * 1_680_000))
    ledger = collector.ledgers["host_pwm"]
    assert 50 <= second.ticks["host_pwm"].size <= 50 * 17
    assert ledger.seen + ledger.lost == 100_000


def test_edges_missed_while_the_link_was_away_are_counted(collector):
    close(collector, 1, Edges(0, 0, 0, (10,)))
    collector.account.must_identify()
    assert close(collector, 2, Edges(0, 0, 1, (TICK_HZ + 10,))) is None
    assert not collector.take_identify(identify())
    assert close(collector, 6, Edges(0, 0, 5, (5 * TICK_HZ + 10,))).lost == {"gps_pps": 4}
    assert collector.ledgers["gps_pps"].lost == 4


def test_edge_numbers_wrap_at_32_bits(collector):
    close(collector, 1, Edges(0, 0, 2**32 - 1, (10,)), Edges(0, 0, 0, (TICK_HZ // 2,)))
    assert collector.ledgers["gps_pps"].seen == 2
    assert collector.ledgers["gps_pps"].lost == 0


@pytest.mark.parametrize(
    "edges", [Edges(7, 0, 0, (1,)), Edges(0, 0, 0, (5, 5)), Edges(0, 0, 0, (2**63, 2**63 + 1))]
)
def test_impossible_edges_are_refused(collector, edges):
    with pytest.raises(ProtocolError, match="channel"):
        collector.take_edges(body(edges))


def test_ticks_keep_every_bit_after_a_year(collector):
    tick = 366 * 86400 * TICK_HZ + 1
    collector.take_edges(body(Edges(0, 0, 0, (tick,))))
    (got,) = collector.take_status(status(tick + 1)).ticks["gps_pps"]
    assert got == np.int64(tick)


def test_a_sensor_that_fails_is_not_replaced_by_another(collector):
    """The controller is 20 degrees warmer than the oscillator: that would pass for a jump."""
    readings = [None, 25.5, None, 25.6]
    seen = []
    for second, external_c in enumerate(readings):
        record = replace(status((second + 1) * TICK_HZ), mcu_c=45.0, external_c=external_c)
        seen.append(collector.take_status(record).temperature_c)
    assert seen == [45.0, 25.5, None, 25.6]


@pytest.mark.parametrize("by", [1 << 32, 1 << 40])
def test_an_edge_from_the_future_does_not_silence_its_channel(collector, by):
    """A counter that was extended wrongly once: the edges after it are as good as those before."""
    board = PerfectBoard()
    sizes = []
    for second in range(4):
        for role, (number, ticks) in board.edges().items():
            channel = {"gps_pps": 0, "rtc_pps": 1, "host_pwm": 2}[role]
            wrong = by if second == 1 and role == "host_pwm" else 0
            collector.take_edges(body(Edges(channel, 0, number, tuple(tick + wrong for tick in ticks))))
        closed = collector.take_status(status(board.tick_now()))
        sizes.append({role: ticks.size for role, ticks in closed.ticks.items()})
    whole = {"gps_pps": 1, "rtc_pps": 1, "host_pwm": 50}
    assert sizes == [whole, {**whole, "host_pwm": 0}, whole, whole]
    ledger = collector.ledgers["host_pwm"]
    assert (ledger.seen, ledger.lost, ledger.duplicates) == (150, 50, 0)
    assert not collector.needs_identify
