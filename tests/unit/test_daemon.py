"""What the daemon says in the log: each change once."""

import itertools
import json
import logging
import time
from types import SimpleNamespace

import pytest
from support.streams import identify, status
from tcxo_host import daemon as daemon_module
from tcxo_host.config import Config, override
from tcxo_host.daemon import Daemon
from tcxo_host.errors import LinkError
from tcxo_host.link import Received
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import build_record


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
    monkeypatch.setattr(daemon_module, "RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(daemon_module.signal, "signal", lambda number, handler: None)

    def run(*links):
        daemon = Daemon(override(Config(), "output", path=str(tmp_path / "tcxo")))
        waiting = list(links)

        def open_next(url, baud):
            if len(waiting) == 1:
                daemon._stop(15, None)
            return waiting.pop(0)

        monkeypatch.setattr(daemon_module, "open_link", open_next)
        with caplog.at_level(logging.INFO):
            daemon.run()
        return [each.message for each in caplog.records if "i2c:" in each.message]

    return run


def test_a_bus_without_a_board_is_told_once(log_of):
    opened, failed = log_of(*(FakeLink() for _ in range(6)))
    assert opened == "link i2c:1:0x55 is open"
    assert "no readable transfer" in failed


def test_a_board_that_came_and_went_is_told_again(log_of):
    heard = build_record(identify())
    lines = log_of(FakeLink(), FakeLink(), FakeLink(heard), FakeLink(), FakeLink())
    assert ["is open" in line for line in lines] == [True, False, False, True]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([[]] * 9, "no records from the board for 5 s"),
        ([build_record(status(tick=1))] * 9, "the board sends, but has not told who it is"),
        ([build_record(identify())] * 9, "no status record from the board for 5 s"),
    ],
    ids=["silent", "unidentified", "identified"],
)
def test_without_a_closed_second_the_daemon_holds_and_says_why(tmp_path, monkeypatch, caplog, frames, reason):
    seconds = itertools.count()
    clock = SimpleNamespace(**vars(time) | {"monotonic": lambda: float(next(seconds))})
    monkeypatch.setattr(daemon_module, "time", clock)
    monkeypatch.setattr(daemon_module.signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(daemon_module, "open_link", lambda url, baud: FakeLink(*frames))
    path = tmp_path / "status.json"
    config = override(Config(), "output", path=str(tmp_path / "tcxo"), status=str(path))
    with caplog.at_level(logging.INFO), pytest.raises(LinkError):
        Daemon(config, retry=False).run()
    assert f"state hold: {reason}" in [each.message for each in caplog.records]
    assert json.loads(path.read_text())["reason"] == reason
