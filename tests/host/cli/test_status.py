"""The command ``tcxo-host status`` on the file of a running, a waiting and a dead daemon."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.running import Running, now_ns

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]


def status(*args, **options):
    done = subprocess.run(
        [*TCXO_HOST, "status", *map(str, args)], capture_output=True, text=True, timeout=60, **options
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path)
    yield made
    made.outputs.close()


def aged(path, seconds):
    """As if the daemon had died so long ago."""
    values = json.loads(path.read_text())
    values["written_ns"] = now_ns() - round(seconds * 1e9)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(values))
    new.replace(path)


@contextlib.contextmanager
def alive(path):
    """As if the daemon went on writing, however long a command takes to look."""
    ended = threading.Event()

    def keep():
        while not ended.is_set():
            aged(path, 0)
            ended.wait(0.5)

    aged(path, 0)
    writer = threading.Thread(target=keep)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def test_text_and_json_of_a_running_daemon(running):
    running.run(70)
    with alive(running.status):
        done = status("--file", running.status)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("state      track\nboard      TEST")
    values = json.loads(status("--file", running.status, "--json").stdout)
    assert values["freq_error_ppm"] == pytest.approx(0.3, abs=1e-3)
    assert values["channels"]["host_pwm"]["seen_hz"] == pytest.approx(50, abs=1e-3)


def test_the_configuration_names_the_file(running, tmp_path):
    running.run(3)
    config = tmp_path / "c.toml"
    config.write_text(f'[output]\nstatus = "{running.status}"\n')
    with alive(running.status):
        assert status("--config", config).stdout.startswith("state      acquire")
    config.write_text("")
    done = status("--config", config)
    assert done.returncode == 78
    assert done.stderr.startswith(f"tcxo-host: {config}: the daemon writes no status: add status = ")


def test_a_dead_daemon_is_said_and_tells_in_the_exit_status(running):
    running.run(3)
    aged(running.status, 30 * 3600)
    done = status("--file", running.status)
    assert done.returncode == 69
    assert "the daemon has written nothing for 30 h 00 min" in done.stdout
    assert status("--file", running.status, "--json").returncode == 69


@pytest.mark.parametrize(
    ("content", "exit_status", "said"),
    [
        (None, 69, "there is no status file: start the daemon"),
        (b"", 65, "is not a status file"),
        (b'{"version": 2, "state"', 65, "is not a status file"),
        (b"[1]", 65, "is not a status file: its content is not what this version"),
        (b"[" * 100_000, 65, "is not a status file"),
        (
            b'{"version": 2, "written_ns": "x", "host_ns": null}',
            65,
            "is not a status file: its content is not what",
        ),
        (b'{"version": 2, "written_ns": 1, "host_ns": 1e400}', 65, "is not a status file"),
        (
            b'{"version": 2, "written_ns": 1, "host_ns": 1, "board": 5}',
            65,
            "is not a status file: its content is not what",
        ),
        (
            b'{"version": 99, "written_ns": 1}',
            65,
            "is not a status file: its content is not what this version",
        ),
    ],
)
def test_no_status_is_one_clear_line(tmp_path, content, exit_status, said):
    path = tmp_path / "status.json"
    if content is not None:
        path.write_bytes(content)
    done = status("--file", path)
    assert (done.returncode, done.stdout) == (exit_status, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"tcxo-host: {path}: {said}" in done.stderr


class Terminal:
    """A command on a terminal of its own; what it has drawn so far is ``seen``."""

    def __init__(self, *command):
        master, slave = pty.openpty()
        self.master = master
        # wide, so that no text to wait for is wrapped, however long the path in it
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "300", "LINES": "40"}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def until(self, wanted):
        """Read until ``wanted`` has been drawn or the command has ended."""
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], 0.2)
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace") if ready else ""
            except OSError:  # how a pty says that its other end is closed
                break
        assert wanted in self.seen, self.seen

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_updates_in_place_and_gives_the_terminal_back(running, number):
    terminal = Terminal(*TCXO_HOST, "status", "--watch", "--file", str(running.status))
    try:
        terminal.until("there is no status file")
        running.run(70)
        terminal.until("70 edges")
        running.run(1)
        terminal.until("71 edges")
        running.run(1)
        terminal.until("72 edges")
        assert any(block in terminal.seen for block in "▁▂▃▄▅▆▇█")
        assert terminal.seen.count(ENTER) == 1
        assert LEAVE not in terminal.seen
        with alive(running.status):
            terminal.process.send_signal(number)
            terminal.until(LEAVE)
            assert terminal.process.wait(20) == 0
        assert "Traceback" not in terminal.seen
    finally:
        terminal.close()


def test_watch_json_prints_each_new_second_once(running):
    running.run(1)
    process = subprocess.Popen(
        [*TCXO_HOST, "status", "--watch", "--json", "--file", str(running.status)],
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    edges = []
    for _ in range(3):
        edges.append(json.loads(process.stdout.readline())["channels"]["gps_pps"]["edges"])
        running.run(1)
    with alive(running.status):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    watchdog.cancel()
    assert edges == sorted(set(edges))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_watch_that_ends_tells_in_the_exit_status_what_it_saw_last(running, form):
    watch = ["--watch", "--seconds", 0.1, "--file", running.status, *form]
    assert status(*watch).returncode == 69
    running.status.write_text("{}")
    assert status(*watch).returncode == 65
    running.run(3)
    with alive(running.status):
        assert status(*watch).returncode == 0
    aged(running.status, 30)
    assert status(*watch).returncode == 69


@pytest.fixture
def chronyd(tmp_path):
    """A real chronyd that touches no clock, and a PATH on which chronyc finds it."""
    folder = tmp_path / "chrony"
    folder.mkdir(mode=0o700)
    (folder / "conf").write_text(
        f"pidfile {folder}/pid\nbindcmdaddress {folder}/sock\nport 0\ncmdport 0\nlocal stratum 10\n"
    )
    user = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        ["chronyd", "-x", "-d", "-U", *user, "-f", folder / "conf"], stderr=subprocess.DEVNULL
    )
    (folder / "chronyc").write_text(f'#!/bin/sh\nexec {shutil.which("chronyc")} -h {folder}/sock "$@"\n')
    (folder / "chronyc").chmod(0o755)
    while not (folder / "sock").exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    process.terminate()
    process.wait(20)


@pytest.mark.needs("chronyd", "chronyc")
def test_a_real_chrony_is_asked_what_it_made_of_it(running, chronyd):
    running.run(3)
    done = status("--file", running.status, env=chronyd)
    line = next(line for line in done.stdout.splitlines() if line.startswith("chrony "))
    assert "7F7F0101, stratum 10; last offset +0 ns" in line  # its own clock
    assert line.endswith("own frequency +0.000 ppm, residual +0.000 ppm")


def test_a_daemon_without_a_board_says_what_it_waits_for(tmp_path):
    path = tmp_path / "status.json"
    options = ["--link", "serial:/nonexistent", "--output", str(tmp_path / "tcxo"), "--status", str(path)]
    daemon = subprocess.Popen([*TCXO_HOST, "run", *options], stderr=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert daemon.poll() is None
            time.sleep(0.05)
        done = status("--file", path)
        assert done.returncode == 0
        assert "state      hold: no link to the board: /nonexistent: no such device" in done.stdout
    finally:
        daemon.kill()
        daemon.wait()
