"""What the daemon says in the log: each change once."""

import functools
import itertools
import json
import logging
import time
from types import SimpleNamespace

import pytest
from support.streams import identify, status
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.daemon import loop as daemon_module
from tcxo_host.daemon import outputs
from tcxo_host.daemon.loop import Daemon
from tcxo_host.errors import DataError, LinkError
from tcxo_host.link import session
from tcxo_host.link.interface import Received
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import Text, build_record
from tcxo_protocol.spec import PROTOCOL_MAJOR, PROTOCOL_MINOR, RecordType


class FakeLink:
    """Opens always, brings its frames, one a read, and then fails with a count that differs each time."""

    failures = itertools.count(80)

    def __init__(self, *frames):
        self.url = "i2c:1:0x55"
        self.counts = LineCounts()
        self._frames = list(frames)

    def read(self, timeout_s):
        if self._frames:
            frame = self._frames.pop(0)
            return [Received(0, frame)] if frame else []
        raise LinkError(f"{self.url}: no readable transfer for 3 s (EREMOTEIO {next(self.failures)})")

    def send(self, command):
        pass

    def close(self):
        pass


@pytest.fixture
def log_of(tmp_path, monkeypatch, caplog):
    """Runs a daemon over these links, one after the other; its log lines about the link."""
    monkeypatch.setattr(session, "RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(daemon_module.signal, "signal", lambda number, handler: None)

    def run(*links):
        waiting = list(links)

        def open_next(url, baud):
            if len(waiting) == 1:
                daemon._stop(15, None)
            return waiting.pop(0)

        daemon = Daemon(override(Config(), "output", path=str(tmp_path / "tcxo")), open_link=open_next)
        with caplog.at_level(logging.INFO):
            daemon.run()
        return [each.message for each in caplog.records]

    return run


def about_link(lines):
    return [each for each in lines if "i2c:" in each]


def test_a_bus_without_a_board_is_told_once(log_of):
    opened, failed = about_link(log_of(*(FakeLink() for _ in range(6))))
    assert opened == "link i2c:1:0x55 is open"
    assert "no readable transfer" in failed


def test_a_board_that_came_and_went_is_told_again(log_of):
    heard = build_record(identify())
    lines = about_link(log_of(FakeLink(), FakeLink(), FakeLink(heard), FakeLink(), FakeLink()))
    assert ["is open" in line for line in lines] == [True, False, False, True]


def test_a_board_that_cannot_be_used_is_said_once_and_waited_for(log_of):
    """It may be exchanged or flashed while the daemon runs: then it goes on."""
    newer = bytes([RecordType.IDENTIFY, 2, 0, PROTOCOL_MAJOR + 8, 0])
    stopped = build_record(identify(tick_hz=0))
    lines = log_of(FakeLink(*[newer] * 5, *[stopped] * 5, build_record(identify())), FakeLink())
    assert [each for each in lines if each.startswith(("board", "the board"))] == [
        f"the board speaks protocol {PROTOCOL_MAJOR + 8}.0, this host {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}: install"
        " matching versions of the firmware (tcxo-flash) and the host",
        "board TEST cannot be used: its tick_hz is 0, expected 1000 to 4294967295: mend its board_config and"
        " flash it (tcxo-flash)",
        "board TEST, firmware 0.1.0, boot 00000001, 84000000 Hz",
    ]


def test_an_i2c_memory_of_another_layout_is_waited_for_too(log_of):
    """Its error says that firmware and host do not fit; a board that is flashed anew comes back by itself."""
    other = FakeLink()
    other.read = lambda timeout_s: (_ for _ in ()).throw(DataError("i2c:1:0x55: layout 2 with 8 slots"))
    lines = log_of(other, FakeLink(build_record(identify())), FakeLink())
    assert "state hold: the board cannot be used" in lines
    assert any(each.startswith("board TEST") for each in lines)


def test_a_board_that_talks_without_end_does_not_fill_the_log(log_of):
    many = build_record(Text("\x1b[2Jstate track")) * 40
    lines = log_of(FakeLink(*[many] * 500), FakeLink())
    said = [each for each in lines if each.startswith("board says")]
    assert set(said) == {r"board says: \x1b[2Jstate track"}
    assert 10 <= len(said) <= 30  # a second or two may pass meanwhile


def test_a_board_that_changes_without_end_does_not_fill_the_log(log_of):
    flapping = [build_record(identify(boot_id=each)) for each in range(2)]
    assert len(log_of(FakeLink(*flapping * 500), FakeLink())) < 60


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([build_record(identify(tick_hz=0))] * 9, "board TEST cannot be used: its tick_hz is 0, expected"),
        (
            [build_record(identify()), build_record(status(tick=10**10))]
            + [build_record(status(tick=5 - n)) for n in range(5)] * 3,
            "the ticks of the board's status records run backwards",
        ),
        ([[]] * 9, "no records from the board for 5 s"),
        ([build_record(status(tick=1))] * 9, "the board sends, but has not told who it is"),
        ([build_record(identify())] * 9, "no status record from the board for 5 s"),
    ],
    ids=["refused", "backwards", "silent", "unidentified", "identified"],
)
def test_without_a_closed_second_the_daemon_holds_and_says_why(tmp_path, monkeypatch, caplog, frames, reason):
    seconds = itertools.count()
    clock = SimpleNamespace(**vars(time) | {"monotonic": lambda: float(next(seconds))})
    monkeypatch.setattr(daemon_module, "time", clock)
    monkeypatch.setattr(outputs, "time", clock)
    monkeypatch.setattr(daemon_module, "Session", functools.partial(session.Session, clock=clock.monotonic))
    monkeypatch.setattr(daemon_module.signal, "signal", lambda number, handler: None)
    path = tmp_path / "status.json"
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), status=str(path))
    with caplog.at_level(logging.INFO), pytest.raises(LinkError):
        Daemon(config, retry=False, open_link=lambda url, baud: FakeLink(*frames)).run()
    assert any(each.message.startswith(f"state hold: {reason}") for each in caplog.records)
    assert json.loads(path.read_text())["reason"].startswith(reason)


def test_what_is_due_each_turn_is_done_whether_or_not_the_board_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(daemon_module.signal, "signal", lambda number, handler: None)
    turns, tries = [], itertools.count()

    def open_next(url, baud):
        if next(tries) == 3:
            daemon._stop(15, None)
        raise LinkError("nothing there")

    config = override(Config(), "output", path=str(tmp_path / "tcxo"))
    daemon = Daemon(config, each_turn=lambda: turns.append(1), open_link=open_next)
    daemon.run()
    away = len(turns)
    assert away >= 3
    with pytest.raises(LinkError):
        Daemon(
            config, retry=False, each_turn=lambda: turns.append(1), open_link=lambda *_: FakeLink([], [])
        ).run()
    assert len(turns) >= away + 2
