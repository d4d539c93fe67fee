"""What chronyd says of itself: a real one is asked, and ones that do not answer."""

import getpass
import socket
import subprocess
import sys
import time

import pytest
from tcxo_host.daemon.chronyc import (
    ASK_EVERY_S,
    FRESH_S,
    GIVE_UP_S,
    Tracking,
    TrackingWatch,
    parse_tracking,
    read_tracking,
)

LINE = (
    "50505330,PPS0,1,1767225600.123456789,0.000000012,-0.000000045,0.000000210,-1.234,0.001,0.005,"
    "0.000000001,0.000010000,16.0,Normal"
)
PARSED = Tracking("PPS0", 1, 1767225600.123456789, -45e-9, 210e-9, -1.234, 0.001, 0.005, "Normal", 16.0)


def says(text, status=0):
    return (sys.executable, "-c", f"print({text!r}); raise SystemExit({status})")


def until(found, watch, now_s):
    """Ask the watch, whose clock stands still, until it has ``found``."""
    deadline = time.monotonic() + 20
    while (answer := watch.latest(now_s)) != found and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


def test_the_line_of_chronyc():
    assert parse_tracking(LINE) == PARSED
    assert PARSED.is_synchronised


@pytest.mark.parametrize("text", ["", "506 Cannot talk to daemon\n", "a,b,c,d,e,f,g,h,i,j,k,l,m,n\n"])
def test_what_is_not_its_line_is_none(text):
    assert parse_tracking(text) is None


@pytest.mark.parametrize(
    "line", [LINE.replace("Normal", "Not synchronised"), LINE.replace("1767225600.123456789", "0.0")]
)
def test_a_clock_that_follows_nothing_is_not_synchronised(line):
    assert not parse_tracking(line).is_synchronised


def test_an_answer_grows_old():
    watch = TrackingWatch(says(LINE))
    assert until(PARSED, watch, 0.0) == PARSED
    watch._command = ()  # chronyc is gone
    assert watch.latest(FRESH_S) == PARSED
    assert watch.latest(FRESH_S + 1) is None


@pytest.mark.parametrize(
    "command", [("no-such-program",), says("506 Cannot talk to daemon", 1), says(LINE, 1)]
)
def test_without_an_answer_nothing_is_known(command):
    watch = TrackingWatch(command)
    assert watch.latest(0.0) is None
    if watch._asking:
        watch._asking.wait(20)
    assert watch.latest(1.0) is None
    assert read_tracking(command=command) is None


def test_one_that_hangs_is_given_up_and_asked_again():
    watch = TrackingWatch((sys.executable, "-c", "import time; time.sleep(1000)"))
    assert watch.latest(0.0) is None
    first = watch._asking
    assert watch.latest(GIVE_UP_S + 1) is None
    assert first.poll() is not None
    watch.latest(ASK_EVERY_S)
    assert watch._asking is not first
    watch.close()


@pytest.mark.needs("chronyd")
def test_a_real_chronyd_answers(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    config = tmp_path / "chrony.conf"
    config.write_text(
        f"pidfile {tmp_path}/pid\nport 0\ncmdport {port}\nbindcmdaddress /\nbindcmdaddress 127.0.0.1\n"
    )
    user = ["-u", "root"] if getpass.getuser() == "root" else []
    chronyd = subprocess.Popen(
        ["chronyd", "-x", "-d", "-U", *user, "-f", str(config)], stderr=subprocess.DEVNULL
    )
    try:
        command = ("chronyc", "-c", "-n", "-h", "127.0.0.1", "-p", str(port), "tracking")
        deadline = time.monotonic() + 30
        while (tracking := read_tracking(5.0, command)) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not tracking.is_synchronised
        assert tracking.leap == "Not synchronised"
        assert until(tracking, TrackingWatch(command), 0.0) == tracking
    finally:
        chronyd.terminate()
        chronyd.wait(20)


def test_bytes_that_are_not_text_are_no_answer():
    command = (sys.executable, "-c", r"import os; os.write(1, b'\xff\xfe,x\n')")
    assert read_tracking(10.0, command) is None
    watch = TrackingWatch(command)
    watch.latest(0.0)
    deadline = time.monotonic() + 20
    while watch._asking is not None and time.monotonic() < deadline:
        assert watch.latest(0.0) is None
        time.sleep(0.01)
    assert watch._asking is None


@pytest.mark.parametrize(("number", "instead"), [("-1.234", "nan"), ("-1.234", "inf"), ("0.005", "nan")])
def test_what_is_not_a_number_is_no_answer(number, instead):
    assert parse_tracking(LINE.replace(number, instead)) is None
