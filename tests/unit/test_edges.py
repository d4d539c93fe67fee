"""The collector keeps order and accounts for every edge."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streams import TICK_HZ, PerfectBoard, identify, status
from tcxo_host.edges import EdgeCollector
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
    ledger = collector.ledgers["host_pwm"]
    assert (ledger.seen, ledger.lost) == (sum(kept), len(kept) - sum(kept))
    assert collector.take_status(status(10**9)).lost.get("host_pwm", 0) == ledger.lost


def test_repeated_records_are_dropped_and_counted(collector):
    record = body(Edges(2, 0, 0, (10, 20, 30)))
    collector.take_edges(record)
    collector.take_edges(record)
    assert collector.take_status(status(40)).ticks["host_pwm"].tolist() == [10, 20, 30]
    assert collector.ledgers["host_pwm"].duplicates == 3
    assert collector.take_status(status(40)) is None
    assert not collector.needs_identify


def test_ticks_that_run_backwards_ask_who_is_there(collector):
    collector.take_edges(body(Edges(2, 0, 1000, (5 * TICK_HZ,))))
    collector.take_edges(body(Edges(2, 0, 3, (TICK_HZ,))))
    assert collector.needs_identify
    assert collector.take_identify(identify(boot_id=2))
    collector.take_edges(body(Edges(2, 0, 4, (TICK_HZ + 1,))))
    assert collector.take_status(status(2 * TICK_HZ)).ticks["host_pwm"].tolist() == [TICK_HZ + 1]


def test_edges_missed_while_the_link_was_away_are_counted(collector):
    collector.take_edges(body(Edges(0, 0, 0, (10,))))
    collector.link_interrupted()
    collector.take_edges(body(Edges(0, 0, 1, (20,))))
    assert not collector.take_identify(identify())
    collector.take_edges(body(Edges(0, 0, 5, (50,))))
    assert collector.ledgers["gps_pps"].lost == 4


def test_edge_numbers_wrap_at_32_bits(collector):
    collector.take_edges(body(Edges(0, 0, 2**32 - 1, (10,))))
    collector.take_edges(body(Edges(0, 0, 0, (20,))))
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
