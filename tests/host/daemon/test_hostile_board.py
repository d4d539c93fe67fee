"""Intact frames with impossible content: no item silences the pipeline for good, or moves what it publishes."""

import math
import random
from dataclasses import replace

import pytest
from support.hostile import BASE, ITEMS, PI_PPM, HostileBoard, frame, status_at
from support.streams import TICK_HZ, identify
from tcxo_host.daemon.pipeline import Identified, Message, Pipeline, Row
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.records import Channel, Edges, Status
from tcxo_protocol.spec import RATE_MHZ_RANGE, TICK_HZ_RANGE, Role

SECOND_NS = 1_000_000_000
BACK_WITHIN_S = {"kalman": 30, "boxcar64": 75}


class Host:
    """The pipeline, and the daemon's asking: who it is comes a second after it was asked."""

    def __init__(self, estimator="kalman", *, answers=True, seed=1):
        self.board = HostileBoard(seed)
        self.answers = answers
        self.pipeline = Pipeline(make_estimator(estimator), PublishPolicy())
        self.second = 0
        self.messages = []

    def run(self, seconds, make=None):
        """What was published in each of the seconds; None where nothing was."""
        published = []
        for _ in range(seconds):
            self.second += 1
            payloads = self.board.second(make)
            if (self.answers and self.pipeline.wants_identify) or self.second == 1:
                payloads.insert(0, self.board.identify())
            events = [e for p in payloads for e in self.pipeline.feed(self.second * SECOND_NS, p)]
            rows = [event for event in events if isinstance(event, Row)]
            self.messages += [event for event in events if isinstance(event, Message)]
            values = [row.published_ppm for row in rows if row.published_ppm is not None]
            assert all(abs(value + PI_PPM) < 0.01 for value in values), values
            published.append(values[-1] if values else None)
        return published


@pytest.mark.parametrize("estimator", ["kalman", "boxcar64"])
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_what_is_published_is_right_and_comes_back(item, estimator):
    within = BACK_WITHIN_S[estimator]
    host = Host(estimator)
    assert host.run(90)[-1] is not None
    during = host.run(item.seconds, item.make)
    after = host.run(within)
    assert after[-1] is not None, f"nothing after {within} s"
    if item.single and estimator == "kalman":
        silent = [value is None for value in during + after]
        assert sum(silent) <= item.seconds + 3, "one impossible record is dropped, and publishing goes on"
    assert host.run(30).count(None) == 0


@pytest.mark.parametrize("estimator", ["kalman", "boxcar64"])
@pytest.mark.parametrize(
    "by", [1 << 32, -(1 << 32), 1 << 40, -BASE, 42_000_000, 123_456_789, -100_000_000, 5_000_000]
)
def test_a_counter_that_stays_moved_is_followed_and_publishes_nothing_wrong(estimator, by):
    """An extension that is off by a wrap for good, a counter that began anew under the same boot id."""
    host = Host(estimator)
    assert host.run(90)[-1] is not None
    # what moved as no TCXO does is watched for a minute before it is believed again
    within = BACK_WITHIN_S[estimator] + 70
    host.board.base += by
    assert host.run(within)[-1] is not None
    assert host.run(30).count(None) == 0
    host.board.base -= by
    assert host.run(within)[-1] is not None


def test_without_being_asked_a_board_that_repeats_its_identity_is_followed_too():
    """A line that only listens: the board tells every 30 s who it is."""
    host = Host(answers=False)
    host.run(90)
    host.board.base -= BASE
    told = []
    for _ in range(4):
        host.pipeline.feed(host.second * SECOND_NS, host.board.identify())
        told = host.run(30)
    assert told.count(None) == 0


def test_a_hold_tells_its_true_reason():
    host = Host(answers=False)
    host.run(30)
    for made, reason in ((status_at(-5 * TICK_HZ), "run backwards"), (status_at(1 << 40), "jump ahead")):
        host.run(1, lambda m, made=made: [frame(made(m))])
        assert reason in host.pipeline.doubt
        host.run(3)
        assert host.pipeline.doubt == ""
    tick = host.pipeline.status.tick
    host.run(3, lambda m: [frame(replace(m.status, tick=tick))])
    assert "stand still" in host.pipeline.doubt


def test_flapping_boards_are_never_mixed():
    """Two boards on one line, both good, each with ticks of its own: nothing is published of either."""
    host = Host()
    other = Host(seed=2)
    other.board.identity = replace(other.board.identity, boot_id=2, board="OTHER")
    other.board.base = 5 * BASE
    host.run(60)
    for _ in range(30):
        for each in (other.board, host.board):
            host.board, kept = each, host.board
            host.pipeline.feed(host.second * SECOND_NS, each.identify())
            assert host.run(1) == [None]
            host.board = kept


def odd_stream(seed):
    """A board whose rates may all be taken, and whose edges keep to them or not: ``(identify, payloads)``."""
    rng = random.Random(seed)
    tick_hz = round(math.exp(rng.uniform(*map(math.log, TICK_HZ_RANGE))))
    channels = []
    for number, role in enumerate((Role.GPS_PPS, Role.RTC_PPS, Role.HOST_PWM)):
        rate_mhz = round(math.exp(rng.uniform(0.0, math.log(min(RATE_MHZ_RANGE[1], tick_hz * 500)))))
        channels.append(Channel(number, role, rate_mhz, ""))
    tick, numbers, payloads = 0, [0, 0, 0], []
    for _ in range(40):
        start = tick
        tick += round(tick_hz * rng.choice((1, 1, 1, 1.01, 0.6, 2.4)))
        records = []
        for each in channels:
            period = max(1, round(1000 * tick_hz / rng.choice((each.rate_mhz, each.rate_mhz, 50_000, 1000))))
            made = range(start + rng.randrange(1, period + 1), tick, period)[:600]
            ticks = sorted(
                {max(start + 1, t + rng.randrange(-tick_hz // 1000, tick_hz // 1000 + 1)) for t in made}
            )
            for at in range(0, len(ticks), 200):
                records.append(Edges(each.id, 0, numbers[each.id], tuple(ticks[at : at + 200])))
                numbers[each.id] += len(ticks[at : at + 200])
        celsius = rng.choice((None, 25.0, 327.67, -327.67))
        payloads.append(frame(*records, Status(0, tick, 0, 0, celsius, None, 0.0, ())))
    return identify(tick_hz=tick_hz, channels=tuple(channels)), payloads


@pytest.mark.parametrize("estimator", ["kalman", "boxcar64"])
@pytest.mark.parametrize("seeds", [range(n, n + 20) for n in range(0, 100, 20)], ids=str)
def test_whatever_rates_a_board_may_tell_it_ends_nothing(estimator, seeds):
    for seed in seeds:
        who, payloads = odd_stream(seed)
        pipeline = Pipeline(make_estimator(estimator), PublishPolicy())
        assert pipeline.feed(0, frame(who)) == [Identified(who, True)]
        for second, payload in enumerate(payloads):
            assert pipeline.feed(second * SECOND_NS, payload)


def test_a_slow_pwm_with_many_edges_ends_nothing():
    """Its usual second has too few edges for the moments that an unusual one has."""
    channels = (Channel(0, Role.GPS_PPS, 1000, ""), Channel(2, Role.HOST_PWM, 2000, ""))
    pipeline = Pipeline(make_estimator("kalman"), PublishPolicy())
    pipeline.feed(0, frame(identify(channels=channels)))
    number = tooth = 0
    for second, end_s in enumerate([1, 2, 3, 4, 5, 7.4, 9.8, 12.2]):
        ticks = []
        while tooth * 0.5 < end_s:
            at = round((tooth * 0.5 + 0.1) * TICK_HZ)
            ticks += [at] if end_s <= 5 else [at - 1, at, at + 1]
            tooth += 1
        end = round(end_s * TICK_HZ)
        pwm, status = Edges(2, 0, number, tuple(ticks)), Status(0, end, 0, 0, None, None, None, ())
        (row,) = pipeline.feed(second * SECOND_NS, frame(Edges(0, 0, second, (end - 5,)), pwm, status))
        assert isinstance(row, Row)
        number += len(ticks)
