"""``status --watch`` on real terminals of several sizes, up to each of its ends."""

import json
import os
import shutil
import signal
import sys
import termios

import pytest
from support.running import Running, now_ns
from support.terminal import CURSOR, ENTER, LEAVE, Terminal

WATCH = [sys.executable, "-m", "tcxo_host", "status", "--watch", "--file"]


@pytest.fixture
def status(tmp_path):
    """A status whose daemon has been gone for half a minute."""
    running = Running(tmp_path)
    running.run(70)
    running.outputs.close()
    values = json.loads(running.status.read_text())
    running.status.write_text(json.dumps(values | {"written_ns": now_ns() - 30_000_000_000}))
    return running.status


@pytest.fixture
def terminal(request, status):
    size = getattr(request, "param", (80, 24))
    made = Terminal([*WATCH, status], *size)
    yield made
    made.close()


@pytest.mark.parametrize("terminal", [(40, 10), (80, 24), (200, 60)], ids=str, indirect=True)
def test_the_screen_is_used_whole_and_q_gives_the_terminal_back(terminal):
    columns, lines = terminal._pyte.columns, terminal._pyte.lines
    terminal.until(lambda it: "q ends" in it.shown()[-1])
    shown = terminal.shown()
    assert shown[0].startswith("tcxo-host status")
    assert any(row.startswith("published") for row in shown)
    assert ("rows do not fit" in shown[-1]) == (lines == 10)
    if lines > 10:
        assert any(row.startswith("frames") for row in shown)
    if lines == 60:
        assert any(row.startswith("-") or row.startswith("+") for row in shown), "a graph's scale"
    assert max(map(len, shown)) <= columns
    assert termios.tcgetattr(terminal.slave) != terminal.before, "keys come singly"
    terminal.press(b"q")
    terminal.until(lambda it: it.process.poll() is not None)
    terminal.until(lambda it: LEAVE in it.seen)
    assert CURSOR in terminal.seen[terminal.seen.rindex(ENTER) :]
    assert termios.tcgetattr(terminal.slave) == terminal.before


def press(terminal, keys):
    terminal.press(keys)


def send(terminal, number):
    terminal.process.send_signal(number)


@pytest.mark.parametrize(
    ("end", "how"),
    [(press, b"Q"), (press, b"\x03"), (send, signal.SIGINT), (send, signal.SIGTERM), (send, signal.SIGHUP)],
    ids=["Q", "Ctrl-C", "SIGINT", "SIGTERM", "SIGHUP"],
)
def test_each_end_gives_the_terminal_back(terminal, end, how):
    terminal.until_shown("q ends")
    end(terminal, how)
    terminal.until(lambda it: it.process.poll() is not None)
    terminal.until(lambda it: LEAVE in it.seen and CURSOR in it.seen)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert terminal.process.returncode == 69, "as status would: the daemon has gone"
    assert b"Traceback" not in terminal.seen


def test_a_terminal_that_goes_away_ends_it(terminal):
    terminal.until_shown("q ends")
    os.close(terminal.master)
    os.close(terminal.slave)
    terminal.master = terminal.slave = None
    assert terminal.process.wait(60) == 69


def test_keys_change_the_window(terminal):
    terminal.until_shown("window 5 min")
    terminal.press(b"\x1b[C")
    terminal.until_shown("window 10 min")
    terminal.press(b"\x1b[D\x1b[D-----")
    terminal.until_shown("window 60 s")
    terminal.press(b"x\xff\x1b" + b"+" * 20)
    terminal.until_shown("window 6 h")


def test_another_size_is_drawn_at_once(terminal):
    terminal.until_shown("q ends")
    terminal.resize(200, 60)
    terminal.until(lambda it: "q ends" in it.shown()[-1])
    terminal.resize(40, 10)
    terminal.until(lambda it: "rows do not fit  q ends" in it.shown()[-1])


@pytest.mark.needs("bash")
def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again(status):
    terminal = Terminal([shutil.which("bash"), "--norc", "--noprofile", "--noediting", "-i"])
    try:
        terminal.press(" ".join(map(str, [*WATCH, status])).encode() + b"\n")
        terminal.until(lambda it: "q ends" in it.shown()[-1])
        terminal.press(b"\x1a")
        terminal.until(lambda it: b"Stopped" in it.seen)
        assert LEAVE in terminal.seen[terminal.seen.rindex(ENTER) :]
        terminal.press(b"fg\n")
        terminal.until(lambda it: it.seen.count(ENTER) == 2)
        terminal.until(lambda it: "q ends" in it.shown()[-1])
        terminal.press(b"q")
        terminal.until(lambda it: it.seen.count(LEAVE) == 2)
        terminal.press(b"exit\n")
        terminal.until(lambda it: it.process.poll() is not None)
    finally:
        terminal.close()
