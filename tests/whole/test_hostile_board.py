"""The real daemon on a pty against a board whose frames are intact and whose content is impossible.

``tests/host/daemon/test_hostile_board.py`` holds what is published, item by item; here the whole daemon lives
through all of them in a row: it goes on, its log and its memory stay small, and SIGTERM ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import tty
from importlib.resources import files

import pytest
from support.hostile import ITEMS, PI_PPM, HostileBoard
from tcxo_protocol.framing import encode_frame

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]
PATIENCE_S = 60.0
BACK_WITHIN_S = 60
"""Board seconds from an item to the next published value; the board's seconds are short here, and the daemon asks
who it is every two real ones."""
MOST_LOG_BYTES = 64 << 10
UNIT = files("tcxo_host.pi.install") / "templates" / "tcxo-host.service"


class Line:
    """The board's end of a pty: sends as fast as the daemon reads, and answers when it is asked who it is."""

    def __init__(self, board):
        self.board = board
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.device = os.ttyname(slave)
        self._slave = slave
        os.set_blocking(self._master, False)
        self._seq = 0
        self._asked = b""
        self.write(b"\0")

    def close(self):
        os.close(self._master)
        os.close(self._slave)

    def send(self, payloads):
        for payload in payloads:
            self.write(encode_frame(self._seq, payload))
            self._seq += 1

    def write(self, data):
        rest = memoryview(data)
        while rest:
            _, ready, _ = select.select([], [self._master], [], PATIENCE_S)
            assert ready, "the daemon has stopped reading"
            rest = rest[os.write(self._master, rest) :]

    def answer(self):
        """Take what the daemon has sent, and tell who the board is when it has asked."""
        with contextlib.suppress(BlockingIOError):
            self._asked += os.read(self._master, 4096)
        *lines, self._asked = self._asked.split(b"\n")
        if b"id" in lines:
            self.send([self.board.identify()])


class Daemon:
    def __init__(self, folder):
        self.line = Line(HostileBoard())
        self.log, self._trace = folder / "log", folder / "trace"
        self._trace.touch()
        self._rows = self._trace.open()
        self._part = ""
        self.rows = []
        config = folder / "config.toml"
        config.write_text(
            f'[link]\nurl = "serial:{self.line.device}"\n'
            f'[output]\npath = "{folder}/tcxo"\nstatus = "{folder}/status.json"\ntrace = "{self._trace}"\n'
            '[pwm]\nmode = "off"\n'
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*TCXO_HOST, "run", "--config", str(config)], stderr=log)

    def close(self):
        self.process.kill()
        self.process.wait()
        self._rows.close()
        self.line.close()

    def new_rows(self):
        *lines, self._part = (self._part + self._rows.read()).split("\n")
        made = [json.loads(each) for each in lines]
        self.rows += made
        return made

    def second(self, make=None):
        """Send a second of the board's, and wait until the daemon has closed it, or asks, or does not."""
        payloads = self.line.board.second(make)
        self.line.send(payloads)
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            self.line.answer()
            if made := self.new_rows():
                return any(row["published_ppm"] is not None for row in made)
            time.sleep(0.001)
        return False

    def until_published(self, within):
        """So many seconds of a healthy board at most, until three in a row were published."""
        good = 0
        for count in range(within):
            good = good + 1 if self.second() else 0
            if good == 3:
                return count
        raise AssertionError(f"nothing published for {within} s:\n{self.log.read_text()}")

    def most_rss_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


@pytest.fixture
def daemon(tmp_path):
    made = Daemon(tmp_path)
    yield made
    made.close()


def test_it_lives_through_every_item_and_publishes_nothing_wrong(daemon):
    daemon.until_published(300)
    for item in ITEMS:
        for _ in range(item.seconds):
            daemon.second(item.make)
        daemon.until_published(BACK_WITHIN_S)
    values = [row["published_ppm"] for row in daemon.rows if row["published_ppm"] is not None]
    assert max(abs(value + PI_PPM) for value in values) < 0.01
    log = daemon.log.read_bytes()
    assert len(log) < MOST_LOG_BYTES
    assert log.decode().replace("\n", "").isprintable()
    assert b"lines about the board were left out" in log
    (most_mib,) = re.findall(r"^MemoryMax=(\d+)M$", UNIT.read_text(), re.MULTILINE)
    assert daemon.most_rss_mib() < int(most_mib) * 2 / 3, "the unit's limit leaves too little room"
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    "name", ["statuses at random", "thousands of tiny frames", "a status every millisecond"]
)
def test_sigterm_ends_it_in_the_middle_of_an_item(daemon, name):
    (item,) = (each for each in ITEMS if each.name == name)
    daemon.until_published(300)
    for _ in range(2):
        daemon.second(item.make)
    daemon.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(AssertionError):  # it may be gone before all is sent
        daemon.line.send(daemon.line.board.second(item.make)[:20])
    assert daemon.process.wait(PATIENCE_S) == 0
