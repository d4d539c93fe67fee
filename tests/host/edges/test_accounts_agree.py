"""The daemon's seconds and a capture read in bulk tell the same, whatever the board sends."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.captures import START_NS
from support.hostile import ITEMS, HostileBoard
from tcxo_host.capture.columns import load
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.dump.analyse.replay import replay
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.capture_file import Entry, EntryKind
from tcxo_protocol.records import IdentityError

SECOND_NS = 1_000_000_000

# many frames a second tell nothing new here, and make the search slow
SUSPECTS = [
    each for each in ITEMS if not each.name.startswith(("thousands", "texts", "a status every", "edges in"))
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([None] * 20 + SUSPECTS),
        st.sampled_from(["", "", "", "identify", "drop", "twice", "silence", "reopened"]),
    ),
    min_size=1,
    max_size=40,
)


class Keeper:
    """An estimator that only keeps what it is given, run by run."""

    name = "keeper"

    def __init__(self):
        self.runs = []

    def restart(self, board):
        self.runs.append((board, []))

    def update(self, second):
        self.runs[-1][1].append(second)
        return Estimate(State.HOLD, "keeps only")


def entries(steps):
    """The capture of a hostile board, whose daemon does not ask."""
    board = HostileBoard()
    host_ns = START_NS
    yield Entry(EntryKind.LINK_OPENED, host_ns, b"")
    yield Entry(EntryKind.FRAME, host_ns, board.identify())
    for item, line in steps:
        host_ns += SECOND_NS
        frames = board.second(item.make if item else None)
        if line == "silence":
            host_ns += 60 * SECOND_NS
        elif line == "reopened":
            yield Entry(EntryKind.LINK_OPENED, host_ns, b"")
        if line in ("identify", "silence", "reopened"):
            yield Entry(EntryKind.FRAME, host_ns, board.identify())
        for frame in frames[1:] if line == "drop" else frames * (2 if line == "twice" else 1):
            yield Entry(EntryKind.FRAME, host_ns, frame)


def bulk(made):
    try:
        return load(made)
    except IdentityError:
        return None


@settings(deadline=None, max_examples=150)
@given(STEPS)
def test_both_accounts_are_the_same(steps):
    made = list(entries(steps))
    keeper = Keeper()
    pipeline = Pipeline(keeper, PublishPolicy())
    rows = [event for event in replay(made, pipeline) if isinstance(event, Row)]
    pipeline.collector.account.flush()
    capture = bulk(made)
    assert len(rows) == sum(len(seconds) for _, seconds in keeper.runs)
    assert capture.bad_records == pipeline.bad_records
    assert len(capture.sessions) == len(keeper.runs)
    for session, (board, seconds) in zip(capture.sessions, keeper.runs, strict=True):
        assert (session.identify.boot_id, session.tick_hz) == (board.boot_id, board.tick_hz)
        assert session.status.tick.tolist() == [second.tick_now for second in seconds]
        for role, channel in session.channels.items():
            used = np.concatenate([np.empty(0, np.int64), *(second.ticks[role] for second in seconds)])
            assert channel.ticks[: used.size].tolist() == used.tolist()
            assert (np.diff(channel.ticks) > 0).all()
            assert channel.ticks[channel.starts].size == channel.numbers.size
    for role, ledger in pipeline.collector.ledgers.items():
        channels = [session.channels[role] for session in capture.sessions if role in session.channels]
        for name in ("lost", "duplicates", "overcaptures", "overflows"):
            assert sum(getattr(each, name) for each in channels) == getattr(ledger, name), name
        assert sum(each.ticks.size for each in channels) == ledger.seen
