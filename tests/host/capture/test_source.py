"""A live link wherever a file may stand, files that grow, directories, and bad files for each command."""

import contextlib
import fcntl
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import types

import pytest
from support.captures import START_NS, frames, utc_of, write_capture
from support.dump import TCXO_DUMP, dump
from support.streams import identify
from tcxo_host.capture.source import Sources
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.dump import progress
from tcxo_host.dump.commands.common import period_s
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import build_record


class LiveBoard:
    """A board on a line: it sends its first seconds as fast as it is read, once it is asked who it is."""

    SECONDS = 70

    def __init__(self):
        self._master, self._slave = os.openpty()
        subprocess.run(["stty", "raw", "-echo"], stdin=self._slave, check=True)
        os.set_blocking(self._master, False)
        self.link = f"serial:{os.ttyname(self._slave)}"
        self._gone = threading.Event()
        self.all_read = threading.Event()
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def _send(self):
        while not self._gone.is_set() and not select.select([self._master], [], [], 0.05)[0]:
            pass
        payloads = [build_record(identify()), *(payload for _, payload in frames(self.SECONDS))]
        rest = b"\0" + b"".join(encode_frame(number, payload) for number, payload in enumerate(payloads))
        quiet = 0
        while not self._gone.wait(0.005) and quiet < 50:  # the kernel may be about to hand on the last bytes
            with contextlib.suppress(BlockingIOError):  # the line is full
                rest = rest[os.write(self._master, rest[:2000]) :]
            quiet = 0 if rest or self._unread() else quiet + 1
        self.all_read.set()

    def _unread(self):
        return int.from_bytes(fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)), "little")

    def close(self):
        self._gone.set()
        self._sender.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def board():
    made = LiveBoard()
    yield made
    made.close()


def dump_live(board, *args):
    """The finished process, told to end once it has read all that the board sent."""
    process = subprocess.Popen(
        [*TCXO_DUMP, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def end():
        board.all_read.wait(100)
        process.send_signal(signal.SIGTERM)

    ender = threading.Thread(target=end)
    ender.start()
    stdout, stderr = process.communicate(timeout=120)
    ender.join()
    assert process.returncode == 0, stderr
    return stdout


READING = {
    "info": ["--json"],
    "show": ["--channel", "gps_pps"],
    "stats": ["--json"],
    "export": ["--format", "csv"],
    "replay": ["--estimator", "boxcar64", "--csv", "-"],
}


@pytest.mark.parametrize("command", READING)
def test_a_live_link_may_stand_where_a_file_may(board, command):
    stdout = dump_live(board, command, board.link, *READING[command])
    if command == "info":
        assert json.loads(stdout)["edges"] == board.SECONDS * 52
    elif command == "stats":
        assert json.loads(stdout)["channels"]["host_pwm"]["raw"]["mean_ppm"] == pytest.approx(0.3, abs=0.1)
    else:
        lines = {"show": board.SECONDS, "export": board.SECONDS * 52 + 1, "replay": board.SECONDS + 1}
        assert len(stdout.splitlines()) == lines[command]


def test_a_live_link_is_drawn(board, tmp_path):
    dump_live(board, "plot", "channels", board.link, "-o", tmp_path / "x.svg")
    assert "Pi: +0.3" in (tmp_path / "x.svg").read_text()


def test_a_live_link_is_left_after_as_many_seconds_as_wanted(board):
    done = dump("info", board.link, "--seconds", 1, "--json")
    assert done.returncode == 0, done.stderr


def test_a_link_and_a_file_in_order(board, tmp_path):
    write_capture(tmp_path / "a.tcxocap", seconds=5)
    stdout = dump_live(board, "show", tmp_path / "a.tcxocap", board.link, "--channel", "rtc_pps")
    times = [float(line.split()[0]) for line in stdout.splitlines()]
    assert len(times) == 5 + board.SECONDS
    assert times[5] < times[4]  # the other board's time begins


def test_show_follows_a_growing_file_until_told_to_stop(tmp_path):
    path = tmp_path / "a.tcxocap"
    writer = CaptureWriter(path, utc_of=utc_of)
    fed = frames(30)
    for _ in range(11):
        writer.write(*next(fed))
    process = subprocess.Popen(
        [*TCXO_DUMP, "show", path, "--follow", "--channel", "gps_pps"], stdout=subprocess.PIPE, text=True
    )
    seen = [process.stdout.readline() for _ in range(10)]
    for _ in range(5):
        writer.write(*next(fed))
    seen += [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert process.stdout.read() == ""
    assert len(set(seen)) == 15
    assert all(line.endswith(" chA\n") for line in seen)


def test_a_directory_stands_for_its_captures_and_last_for_its_end(tmp_path):
    write_capture(f"{tmp_path}/", seconds=60, rotate_s=20)
    entries = list(Sources([str(tmp_path)]).entries())
    assert sum(entry.body != b"" for entry in entries) >= 61
    since = utc_of(START_NS + 45_000_000_000)
    late = [e for e in Sources([str(tmp_path)], since_utc_ns=since).entries() if e.kind == 2]
    assert [e.host_ns for e in late] == [
        host_ns for host_ns, _ in frames(60) if host_ns >= START_NS + 45_000_000_000
    ]


def test_last_of_old_captures_is_one_clear_line(tmp_path):
    write_capture(f"{tmp_path}/", seconds=5)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    done = dump("info", "--last", "1d", tmp_path)
    assert (done.returncode, done.stdout) == (65, "")
    assert "no captures (*.tcxocap) from that time in this directory" in done.stderr


def test_files_and_options_may_be_mixed(tmp_path):
    for name in "ab":
        write_capture(tmp_path / name, seconds=3, start_s=100.0 * (name == "b"))
    both = dump("info", tmp_path / "a", tmp_path / "b", "--json").stdout
    assert dump("info", tmp_path / "a", "--json", tmp_path / "b").stdout == both
    assert dump("info", "--json", tmp_path / "a", tmp_path / "b").stdout == both
    done = dump("info", tmp_path / "a", "--bogus", tmp_path / "b")
    assert done.returncode == 64
    assert "unrecognized arguments: --bogus" in done.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("1d", 86400), ("1.5h", 5400)]
)
def test_periods(text, seconds):
    assert period_s(text) == seconds


def bad_file(kind, path):
    write_capture(path, seconds=20)
    content = {
        "empty": b"",
        "foreign text": b"0,12345\n" * 9,
        "foreign bytes": bytes(range(256)) * 4,
        "cut": path.read_bytes()[:-5],
        "damaged": path.read_bytes()[:2000] + b"\xff" * 40 + path.read_bytes()[2040:],
    }
    path.write_bytes(content[kind])


COMMANDS = {**READING, "export jsonl": ["--format", "jsonl"], "export parquet": ["--format", "parquet", "-o"]}


@pytest.mark.parametrize("kind", ["empty", "foreign text", "foreign bytes", "cut", "damaged"])
@pytest.mark.parametrize("command", COMMANDS)
def test_bad_files_are_one_line_and_a_status_and_what_is_whole_is_used(tmp_path, command, kind):
    path = tmp_path / "x.tcxocap"
    bad_file(kind, path)
    options = [*COMMANDS[command], *([tmp_path / "out"] if "parquet" in command else [])]
    done = dump(command.split()[0], path, *options)
    assert done.returncode == 65
    about = [line for line in done.stderr.splitlines() if line.startswith(f"tcxo-dump: {path}: ")]
    assert len(about) == 1
    wanted = {"empty": "is empty", "cut": "is cut off", "damaged": "is damaged in 1 place"}
    assert wanted.get(kind, "is not a capture") in about[0]
    if kind in ("cut", "damaged") and command != "export parquet":
        assert len(done.stdout) > 80  # damage costs what follows in its own minute
    elif "parquet" not in command:
        assert len(done.stdout.splitlines()) <= 1  # a header at most


@pytest.mark.parametrize("kind", ["empty", "foreign text"])
def test_a_plot_of_nothing_makes_no_picture(tmp_path, kind):
    path = tmp_path / "x.tcxocap"
    bad_file(kind, path)
    done = dump("plot", "channels", path, "-o", tmp_path / "x.png")
    assert done.returncode == 65
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.png").exists()


def on_a_terminal(*args, stdout=subprocess.PIPE):
    """What a command writes to its stderr, a terminal; and its stdout."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([*TCXO_DUMP, *map(str, args)], stdout=stdout, stderr=slave, env=environment)
    os.close(slave)
    drawn = []

    def read():
        with contextlib.suppress(OSError):
            while piece := os.read(master, 65536):
                drawn.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    output = process.stdout.read() if process.stdout else b""
    assert process.wait(120) == 0
    reader.join()
    os.close(master)
    return b"".join(drawn).decode(), output


def test_what_lasts_shows_a_bar_on_a_terminal_and_only_there(tmp_path):
    # paced, so that it lasts more than a second on any machine
    args = ("replay", "sim:steady", "--seconds", 30, "--speed", 12, "--estimator", "boxcar64", "--csv", "-")
    drawn, rows = on_a_terminal(*args)
    assert "replay" in drawn
    assert "%" in drawn
    assert len(rows.splitlines()) == 31
    assert b"\x1b" not in rows
    plain = dump(*args)
    assert "\x1b" not in plain.stderr
    assert "%" not in plain.stderr
    assert plain.stdout.encode() == rows


def test_what_is_quick_shows_no_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    now = [100.0]
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    with progress.Progress("what it does") as shown:
        now[0] += 0.9
        shown.advance(5, 10)
        assert sys.stderr.getvalue() == ""
        now[0] += 0.2
        shown.advance(6, 10)
        assert "what it does" in sys.stderr.getvalue()
