"""The method of Dan Drown's "Frequency synchronization without phase in NTP", without its faults."""

import numpy as np
import pytest
from support.streams import TICK_HZ, PerfectBoard, identify
from tcxo_host.daemon.pipeline import Identified, Pipeline, Row
from tcxo_host.estimate.boxcar.estimator import Boxcar64
from tcxo_host.estimate.interface import State
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.records import build_record


def start(boot_id=1):
    pipeline = Pipeline(Boxcar64(), PublishPolicy())
    (event,) = pipeline.feed(0, build_record(identify(boot_id)))
    assert isinstance(event, Identified)
    return pipeline


def rows(pipeline, payloads):
    fed = (pipeline.feed(0, payload) for payload in payloads)
    return [event for events in fed for event in events if isinstance(event, Row)]


@pytest.mark.parametrize(("pi", "tcxo"), [(0.3, 0.0), (-4.0, 1.7), (9.5, -2.5), (0.0, 100.0)])
def test_the_file_holds_minus_the_clocks_error_with_the_tcxo_taken_out(pi, tcxo):
    made = rows(start(), PerfectBoard(tcxo_ppm=tcxo, pi_ppm=pi, rtc_ppm=20).payloads(80))
    last = made[-1]
    assert last.state is State.TRACK
    # one tick of quantisation at either end of 64 s is 0.0002 ppm
    assert last.published_ppm == pytest.approx(-pi, abs=0.001)
    assert last.estimate.tcxo_ppm == pytest.approx(tcxo, abs=0.001)
    assert last.estimate.rtc_ppm == pytest.approx(20, abs=0.001)


def test_a_fast_clock_gives_a_negative_number():
    assert rows(start(), PerfectBoard(pi_ppm=+3).payloads(70))[-1].published_ppm < -2.9


def test_nothing_is_published_before_the_window_is_full():
    made = rows(start(), PerfectBoard(pi_ppm=1).payloads(70))
    first = next(row.time_s for row in made if row.published_ppm is not None)
    assert 63 <= first <= 66
    assert all(row.state is State.ACQUIRE for row in made if row.time_s < first)


@pytest.mark.parametrize("role", ["gps_pps", "host_pwm"])
@pytest.mark.parametrize("missing_s", [1, 3, 10, 100])
def test_after_an_outage_nothing_stale_is_published(role, missing_s):
    pipeline, board = start(), PerfectBoard(pi_ppm=0.3)
    before = rows(pipeline, board.payloads(1800))
    during = rows(pipeline, [board.payload(drop=(role,)) for _ in range(missing_s)])
    after = rows(pipeline, board.payloads(200))
    published = [row.published_ppm for row in before + during + after if row.published_ppm is not None]
    assert published[0] == pytest.approx(-0.3, abs=0.001)
    assert max(published) - min(published) < 0.002
    assert after[-1].published_ppm is not None
    if missing_s == 100:
        assert during[-1].state is State.HOLD
        assert during[-1].published_ppm is None


@pytest.mark.parametrize("role", ["gps_pps", "rtc_pps", "host_pwm"])
@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_500_us_glitch_moves_nothing(role, at, sign):
    pipeline, board = start(), PerfectBoard(pi_ppm=0.3)
    before = rows(pipeline, board.payloads(100))
    index = at if role != "host_pwm" or at == 0 else 49
    shift = sign * TICK_HZ // 2000
    hit = rows(pipeline, [board.payload(moved={role: {index if index >= 0 else 0: shift}})])
    after = rows(pipeline, board.payloads(100))
    published = [row.published_ppm for row in before + hit + after if row.published_ppm is not None]
    assert max(published) - min(published) < 0.002
    assert after[-1].estimate.rejected[role] == 1


def test_a_reprogrammed_pwm_empties_the_window():
    pipeline = start()
    rows(pipeline, PerfectBoard(pi_ppm=0.3).payloads(100))
    board = PerfectBoard(pi_ppm=0.3)
    board.second = 100
    for role, rate in board._rate.items():
        board._next[role] = int(100 * rate)
    jump = TICK_HZ // 500  # 2 ms: a tenth of a period
    made = rows(
        pipeline, [board.payload(moved={"host_pwm": dict.fromkeys(range(51), jump)}) for _ in range(130)]
    )
    published = [row.published_ppm for row in made if row.published_ppm is not None]
    assert np.ptp(published) < 0.002
    assert made[10].published_ppm is None
    assert made[-1].published_ppm is not None
