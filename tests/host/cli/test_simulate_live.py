"""``simulate --live`` on a real terminal: simulation, screen and metrics at once, ended by a key."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from support.terminal import LEAVE, Terminal

SIMULATE = [sys.executable, "-m", "tcxo_host", "simulate", "--live"]


@pytest.mark.parametrize("end", ["q", "SIGTERM"])
def test_all_at_once_until_it_is_ended(end):
    terminal = Terminal([*SIMULATE, "--speed", "40"], columns=100, lines=40)
    try:
        terminal.until(lambda it: any("ppb off" in row for row in it.shown()))
        terminal.until(lambda it: any(re.match("state +(acquire|track)", row) for row in it.shown()))
        shown = "\n".join(terminal.shown())
        assert re.search(r"^simulated  steady at 40 times real time, second \d+", shown, re.M)
        (url,) = re.findall(r"http://127\.0\.0\.1:\d+/metrics", shown)
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert b"tcxo_published_ppms" in answer.read()
        assert "q ends" in terminal.shown()[-1]
        terminal.press(b"q") if end == "q" else terminal.process.send_signal(signal.SIGTERM)
        terminal.until(lambda it: it.process.poll() is not None)
        terminal.until(lambda it: any(row.startswith("daemon ") for row in it.shown()))
        assert terminal.process.returncode == 0
        assert LEAVE in terminal.seen
        assert b"Traceback" not in terminal.seen
    finally:
        terminal.close()


def test_it_ends_by_itself_after_its_seconds_and_prints_the_summary():
    done = subprocess.run(
        [*SIMULATE, "--seconds", "60", "--speed", "60"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "steady, 60 s at 60 times real time" in done.stdout
    assert "simulated" in done.stdout


@pytest.mark.parametrize("option", ["--json", "--phase"])
def test_what_contradicts_it_is_refused(option):
    done = subprocess.run([*SIMULATE, option], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (64, "")


def test_a_daemon_that_cannot_start_is_told_after_the_screen_is_gone():
    done = subprocess.run(
        [*SIMULATE, "--output", "/nonexistent/tcxo"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 69
    assert "tcxo-host: the daemon ended with status 73 at its start" in done.stderr
    assert "/nonexistent" in done.stderr, "the daemon's own words"
