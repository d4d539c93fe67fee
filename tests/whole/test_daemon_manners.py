"""How the daemon starts, ends and refuses: exit statuses, one clear line, the file left alone."""

import os
import pty
import signal
import socket
import subprocess
import sys

import pytest
from support.streams import identify
from tcxo_host.publish.tempcomp_file import TempcompFile
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import build_record
from tcxo_protocol.spec import Role

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]


def fails(*args):
    done = subprocess.run([*TCXO_HOST, *map(str, args)], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.fixture
def board_end():
    """A pty with nobody at the board's end: the end's descriptor, and the device at the other."""
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def line(board_end):
    """The device of a board that says nothing."""
    return board_end[1]


@pytest.fixture
def daemon(tmp_path, line):
    """A running daemon that has opened its link; its log can be read line by line."""
    output = tmp_path / "tcxo"
    output.write_text("-0.250000\n")
    process = subprocess.Popen(
        [*TCXO_HOST, "run", "--link", f"serial:{line}", "--output", str(output)],
        stderr=subprocess.PIPE,
        text=True,
    )
    process.output = output
    wait_for(process, "is open")
    yield process
    process.kill()
    process.wait()


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"the daemon ended without saying {text!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_the_file_stays(daemon, number):
    daemon.send_signal(number)
    assert daemon.wait(20) == 0
    assert "keeps its last value" in daemon.stderr.read()
    assert daemon.output.read_text() == "-0.250000\n"


def test_sighup_is_answered_and_survived(daemon):
    daemon.send_signal(signal.SIGHUP)
    assert "restart" in wait_for(daemon, "SIGHUP")
    daemon.terminate()
    assert daemon.wait(20) == 0


def test_a_second_start_on_the_same_output_is_refused(daemon, line):
    status, message = fails("run", "--link", f"serial:{line}", "--output", daemon.output)
    assert status == 73
    assert f"process {daemon.pid}" in message


def test_a_silent_board_is_a_reason_to_hold(daemon):
    assert "no records from the board" in wait_for(daemon, "state hold")
    assert daemon.output.read_text() == "-0.250000\n"


def test_a_board_that_the_settings_do_not_fit_is_told(daemon, board_end):
    channels = tuple(channel for channel in identify().channels if channel.role != Role.GPS_PPS)
    os.write(board_end[0], encode_frame(0, build_record(identify(channels=channels))))
    assert "no gps_pps channel" in wait_for(daemon, "WARNING")


def test_a_missing_link_is_said_once_and_waited_for(tmp_path):
    device = tmp_path / "board"
    process = subprocess.Popen(
        [*TCXO_HOST, "--link", f"serial:{device}", "--output", str(tmp_path / "tcxo")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "no such device" in wait_for(process, "trying again")
    master, slave = pty.openpty()
    device.symlink_to(os.ttyname(slave))
    assert "trying again" not in wait_for(process, "is open")
    process.terminate()
    assert process.wait(20) == 0
    os.close(master)
    os.close(slave)


def test_exit_statuses(tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[link]\nbaud = 'fast'\n")
    here = ("--output", tmp_path / "tcxo")
    assert fails("run", "--config", wrong) == (
        78,
        f"tcxo-host: {wrong}: link.baud = 'fast': expected a whole number"
        " (line rate of a UART; USB ignores it)",
    )
    status, message = fails("run", "--link", "serial:/dev/no-such-board", "--no-retry", *here)
    assert (status, "no such device" in message) == (69, True)
    status, message = fails("run", "--link", "bird:robin", *here)
    assert (status, "serial:/dev/ttyACM0" in message) == (64, True)
    status, message = fails("run", "--output", tmp_path)
    assert (status, "is a directory" in message) == (73, True)
    assert fails("run", "--no-such-option")[0] == 64
    assert fails("dance")[0] == 64


def test_the_link_is_not_shared(tmp_path, daemon, line):
    status, message = fails("run", "--link", f"serial:{line}", "--no-retry", "--output", tmp_path / "other")
    assert (status, "another program has it open" in message) == (69, True)


def test_output_is_free_again_after_a_crash(tmp_path, daemon):
    daemon.kill()
    daemon.wait()
    TempcompFile(str(daemon.output)).close()


def test_systemd_is_told_and_a_deliberate_hold_feeds_its_watchdog(tmp_path):
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.settimeout(20)
    process = subprocess.Popen(
        [*TCXO_HOST, "run", "--link", "serial:/dev/no-such-board", "--output", str(tmp_path / "tcxo")],
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"},
    )
    messages = [told.recv(1000).decode() for _ in range(4)]
    process.terminate()
    assert process.wait(20) == 0
    assert messages[0] == "READY=1"
    assert "WATCHDOG=1" in messages
    assert "STATUS=hold: no link to the board" in messages
    while messages[-1] != "STOPPING=1":
        messages.append(told.recv(1000).decode())
    told.close()


def test_measure_only_writes_no_file_for_chrony(tmp_path, line):
    output = tmp_path / "tcxo"
    process = subprocess.Popen(
        [*TCXO_HOST, "run", "--measure-only", "--link", f"serial:{line}", "--output", str(output)],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(process, "measuring only")
    wait_for(process, "is open")
    process.terminate()
    assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []
