"""Intact frames with impossible content: no item silences the pipeline for good, or moves what it publishes."""

from dataclasses import replace

import pytest
from support.hostile import BASE, ITEMS, PI_PPM, HostileBoard, frame, status_at
from support.streams import TICK_HZ
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.pipeline import Message, Pipeline, Row
from tcxo_host.policy import PublishPolicy

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
    host.board.base += by
    assert host.run(BACK_WITHIN_S[estimator] + 10)[-1] is not None
    assert host.run(30).count(None) == 0
    host.board.base -= by
    assert host.run(BACK_WITHIN_S[estimator] + 10)[-1] is not None


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
