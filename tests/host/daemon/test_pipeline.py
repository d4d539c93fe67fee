"""Frames in, rows out: restarts, strangers, noise that passes the CRC."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streams import PerfectBoard, identify, status
from tcxo_host.daemon.pipeline import Identified, Message, Pipeline, Refused, Row
from tcxo_host.estimate.boxcar.estimator import Boxcar64
from tcxo_host.estimate.interface import State
from tcxo_host.publish.baseline import Baseline
from tcxo_host.publish.compensation import Compensation
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.publish.resume import share_of_drift
from tcxo_protocol.records import Edges, Text, build_record
from tcxo_protocol.spec import PROTOCOL_MAJOR, RecordType

SECOND_NS = 1_000_000_000


def pipeline_with(board_identity):
    pipeline = Pipeline(Boxcar64(), PublishPolicy())
    pipeline.feed(0, build_record(board_identity))
    return pipeline


def feed(pipeline, board, seconds, start_s=0):
    rows = []
    for index, payload in enumerate(board.payloads(seconds)):
        rows += pipeline.feed((start_s + index + 1) * SECOND_NS, payload)
    return rows


def test_a_row_a_second_on_the_boards_time():
    rows = feed(pipeline_with(identify()), PerfectBoard(), 5)
    assert all(isinstance(row, Row) for row in rows)
    # the first edge of all is the PWM's, 0.3 of 20 ms into the first second
    assert [row.time_s for row in rows] == pytest.approx([n + 1 - 0.006 for n in range(5)], abs=1e-6)
    assert [b.time_s - a.time_s for a, b in itertools.pairwise(rows)] == pytest.approx([1.0] * 4)


def test_a_reboot_empties_the_windows_and_time_goes_on():
    pipeline = pipeline_with(identify(boot_id=1))
    before = feed(pipeline, PerfectBoard(pi_ppm=0.3), 80)
    (event,) = pipeline.feed(83 * SECOND_NS, build_record(identify(boot_id=2)))
    assert event == Identified(identify(boot_id=2), restarted=True)
    after = feed(pipeline, PerfectBoard(pi_ppm=0.3), 80, start_s=83)
    assert before[-1].published_ppm is not None
    assert after[0].published_ppm is None
    assert after[-1].published_ppm == pytest.approx(-0.3, abs=0.001)
    assert after[0].time_s - before[-1].time_s == pytest.approx(4, abs=0.01)


def test_a_board_without_its_clock_is_the_reason_until_it_tells_who_it_is():
    pipeline = pipeline_with(identify())
    feed(pipeline, PerfectBoard(), 3)
    assert pipeline.doubt == ""
    pipeline.feed(4 * SECOND_NS, build_record(Text("no clock at X6: the counter stands still")))
    assert pipeline.doubt == "no clock at X6: the counter stands still"
    pipeline.feed(5 * SECOND_NS, build_record(Text("anything else")))
    assert pipeline.doubt.startswith("no clock")
    pipeline.feed(6 * SECOND_NS, build_record(identify(boot_id=9)))
    assert pipeline.doubt == ""


def test_the_same_board_again_is_no_restart():
    pipeline = pipeline_with(identify())
    (event,) = pipeline.feed(1, build_record(identify()))
    assert not event.restarted


def test_after_a_long_silence_the_board_is_asked_again():
    pipeline = pipeline_with(identify())
    board = PerfectBoard()
    feed(pipeline, board, 3)
    assert not pipeline.needs_identify
    assert pipeline.feed(60 * SECOND_NS, board.payload()) == []
    assert pipeline.needs_identify


def test_a_board_that_cannot_be_used_is_refused_until_another_one_tells_who_it_is():
    pipeline = pipeline_with(identify())
    board = PerfectBoard()
    feed(pipeline, board, 3)
    body = bytes([PROTOCOL_MAJOR + 1, 0])
    (event,) = pipeline.feed(3 * SECOND_NS, bytes([RecordType.IDENTIFY, len(body), 0]) + body)
    assert event == Refused(pipeline.doubt)
    assert f"protocol {PROTOCOL_MAJOR + 1}.0" in pipeline.doubt
    assert (feed(pipeline, board, 3, start_s=3), pipeline.wants_identify) == ([], True)
    (event,) = pipeline.feed(6 * SECOND_NS, build_record(identify()))
    assert event == Identified(identify(), restarted=False)
    assert len(feed(pipeline, board, 3, start_s=6)) == 3
    assert pipeline.doubt == ""


def test_a_bad_record_costs_nothing_of_the_frame_beside_it():
    pipeline = pipeline_with(identify())
    bad = build_record(Edges(9, 0, 0, (1,)))
    message, row = pipeline.feed(SECOND_NS, bad + PerfectBoard().payload())
    assert isinstance(message, Message)
    assert pipeline.collector.ledgers["host_pwm"].seen == 50
    assert isinstance(row, Row)


def test_bad_records_are_counted_and_named():
    pipeline = pipeline_with(identify())
    (event,) = pipeline.feed(1, build_record(Edges(9, 0, 0, (1,))))
    assert event == Message("bad record: edges of channel 9, which the board did not announce")
    assert pipeline.bad_records == 1


def test_board_texts_come_through():
    assert Pipeline(Boxcar64(), PublishPolicy()).feed(0, build_record(Text("hello"))) == [
        Message("hello", True)
    ]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_payload_makes_the_pipeline_fail(payloads):
    pipeline = pipeline_with(identify())
    for payload in payloads:
        pipeline.feed(0, payload)


def test_equal_input_gives_equal_rows():
    assert feed(pipeline_with(identify()), PerfectBoard(pi_ppm=1), 70) == feed(
        pipeline_with(identify()), PerfectBoard(pi_ppm=1), 70
    )


def test_a_status_without_edges_still_closes_a_second():
    pipeline = pipeline_with(identify())
    (row,) = pipeline.feed(0, build_record(status(84_000_000)))
    assert (row.published_ppm, row.time_s) == (None, 0.0)


def test_what_is_in_doubt_is_not_published_and_decides_no_baseline():
    """Another program's PWM looks like a crystal 80 ppm off: once stored, it would be taken off for good."""
    baseline = Baseline(None)
    reason = "another program changed the PWM"
    pipeline = Pipeline(
        Boxcar64(), PublishPolicy(), Compensation(baseline), doubt=lambda estimate, time_s, board_id: reason
    )
    pipeline.feed(0, build_record(identify()))
    rows = feed(pipeline, PerfectBoard(pi_ppm=80.0), 80)
    assert {(row.state, row.reason, row.published_ppm) for row in rows} == {("hold", reason, None)}
    assert rows[-1].estimate.freq_error_ppm == pytest.approx(80, abs=0.01)
    assert baseline.stored is None


def test_while_a_trial_holds_the_file_only_that_is_left_out_and_then_it_goes_on_without_a_jump():
    """Held for a minute and a half, in which chrony has taken up most of a step of 0.2 ppm."""
    reason = [""]
    baseline = Baseline(None)
    pipeline = Pipeline(Boxcar64(), PublishPolicy(), Compensation(baseline), held=lambda: reason[0])
    pipeline.feed(0, build_record(identify()))
    board = PerfectBoard(pi_ppm=0.3)
    before = feed(pipeline, board, 80)[-1]
    reason[0] = "held by a trial until 12:00:00 UTC"
    board.set_pi_ppm(0.5)
    held = feed(pipeline, board, 90, start_s=80)
    assert {(row.state, row.reason, row.published_ppm, row.believed_ppm) for row in held} == {
        (State.TRACK, reason[0], None, None)
    }
    assert held[-1].estimate.freq_error_ppm == pytest.approx(0.5, abs=0.001)
    reason[0] = ""
    (after,) = feed(pipeline, board, 1, start_s=170)
    assert before.published_ppm == pytest.approx(-0.3, abs=0.001)
    step_ppm = after.published_ppm - before.published_ppm
    assert step_ppm == pytest.approx(-0.2 * (1 - share_of_drift(91)), abs=0.002)
    assert baseline.known_ppm("TEST") == pytest.approx(0.2 * share_of_drift(91), abs=0.002)


def test_a_trial_hides_no_doubt():
    """A hold of the daemon's own keeps its reason."""
    pipeline = Pipeline(Boxcar64(), PublishPolicy(), held=lambda: "held by a trial")
    pipeline.feed(0, build_record(identify()))
    rows = feed(pipeline, PerfectBoard(), 10)
    assert {(row.state, "trial" in row.reason) for row in rows} == {(State.ACQUIRE, False)}
