"""The buffer is kept full, an underrun is named, and a device that goes away comes back."""

import errno
import logging
import os
import pty
import termios

import pytest
from tcxo_host.pi.uart.feeder import EVERY_S, REOPEN_S, SETTLE_S, SQUARE, Feeder
from tcxo_host.pi.uart.line import KernelLine

ROOM = 4095


class FakeLine:
    """A UART with the kernel's buffer in front of it.

    The real one is the serial core's (``serial_core.c``: a page less one byte; TIOCOUTQ counts what is in it) and a
    driver's transmitter. This one sends in whole bytes, at ``advance``, and has no FIFO of its own.
    """

    def __init__(self) -> None:
        self.baud = 0
        self.kept = 0
        self.sent = b""
        self.broken: OSError | None = None
        self.closed = False

    def _check(self) -> None:
        if self.broken:
            raise self.broken

    def set_speed(self, baud):
        self._check()
        self.baud = baud

    def is_as_set(self, baud):
        self._check()
        return self.baud == baud

    def is_idle(self):
        self._check()
        return self.kept == 0

    def waiting(self):
        return self.kept

    def write(self, data):
        self._check()
        count = min(len(data), ROOM - self.kept)
        self.kept += count
        self.sent += data[:count]
        return count

    def close(self):
        self.closed = True

    def advance(self, seconds):
        self.kept = max(0, self.kept - round(seconds * self.baud / 10))


class Bench:
    """A feeder with a clock of its own."""

    def __init__(self, baud=500):
        self.now_s = 1000.0
        self.lines = []
        self.refusal = None
        self.feeder = Feeder("/dev/ttyAMA10", baud, self._open, lambda: self.now_s)

    def _open(self, device):
        if self.refusal:
            raise self.refusal
        self.lines.append(FakeLine())
        return self.lines[-1]

    def after(self, seconds):
        self.now_s += seconds
        self.lines[-1].advance(seconds)
        self.feeder.turn()


@pytest.fixture
def bench():
    made = Bench()
    made.feeder.turn()
    return made


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, logger="tcxo_host")
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_buffer_lasts_over_a_minute_and_holds_square_waves_only(bench):
    assert bench.feeder.buffered_s == pytest.approx(81.9)
    assert set(bench.lines[0].sent) == set(SQUARE) == {0xF0}


def test_it_is_filled_up_every_second_and_not_more_often(bench):
    bench.after(0.3)
    assert bench.lines[0].kept == ROOM - 15
    bench.after(EVERY_S)
    assert bench.lines[0].kept == ROOM
    assert bench.feeder.underruns == 0


def test_an_hour_with_pauses_of_a_minute_has_no_underrun(bench):
    for _ in range(60):
        bench.after(60.0)
    assert bench.feeder.underruns == 0
    assert bench.feeder() == ""


def test_an_underrun_is_counted_and_named_and_holds_nothing_up(bench, said):
    bench.after(90.0)
    bench.after(1.0)
    bench.lines[0].kept = 0  # thrown away: counted, and told a minute after the last one at the earliest
    bench.after(1.0)
    bench.after(100.0)
    assert bench.feeder.underruns == 3
    assert [text for text in said() if "underrun" in text] == [
        f"UART: /dev/ttyAMA10 had nothing to send for a while (underrun {n}): its edges go on at another phase; is this"
        " computer overloaded, or was it asleep?"
        for n in (1, 3)
    ]
    assert bench.feeder() == ""


def test_a_speed_that_another_program_set_is_set_back_and_doubted_for_a_while(bench, said):
    bench.lines[0].baud = 9600
    bench.after(1.0)
    assert bench.lines[0].baud == 500
    assert "another program changed the speed of /dev/ttyAMA10" in bench.feeder()
    bench.after(SETTLE_S - 1.0)
    assert bench.feeder()
    bench.after(2.0)
    assert bench.feeder() == ""
    assert len(said()) == 1


def test_a_device_that_goes_away_is_a_reason_and_is_taken_again(bench, said):
    bench.lines[0].broken = OSError(errno.EIO, "Input/output error")
    bench.after(1.0)
    assert "/dev/ttyAMA10 cannot be used (Input/output error)" in bench.feeder()
    assert bench.lines[0].closed
    bench.refusal = OSError(errno.EBUSY, "Device or resource busy")
    for _ in range(5):
        bench.now_s += REOPEN_S
        bench.feeder.turn()
    assert "busy" in bench.feeder()
    bench.refusal = None
    bench.now_s += REOPEN_S
    bench.feeder.turn()
    assert bench.feeder() == ""
    assert bench.lines[-1].kept == ROOM
    assert bench.feeder.underruns == 0
    assert len(said()) == 2


def test_a_user_without_the_right_is_told_what_to_do(said):
    bench = Bench()
    bench.refusal = PermissionError(errno.EACCES, "Permission denied")
    bench.feeder.turn()
    assert (
        bench.feeder()
        == "/dev/ttyAMA10 cannot be used (Permission denied): its user must be in the group dialout"
    )
    assert len(said()) == 1


def test_the_end_ends_the_signal_once(bench):
    bench.feeder.close()
    bench.feeder.close()
    assert bench.lines[0].closed


def test_a_buffer_that_takes_everything_at_once_does_not_hold_the_daemon_up(bench):
    bench.lines[0].write = len
    bench.after(1.0)


def test_the_kernels_own_numbers():
    """On a pseudo terminal, which has speed and queue, but no transmitter: TIOCSERGETLSR is refused there."""
    outer, inner = pty.openpty()
    try:
        before = termios.tcgetattr(inner)
        line = KernelLine(os.ttyname(inner))
        line.set_speed(480)
        assert line.is_as_set(480)
        assert not line.is_as_set(500)
        assert line.write(SQUARE * 10) == 10
        assert os.read(outer, 100) == SQUARE * 10
        assert line.waiting() == 0
        assert line.is_idle()
        assert termios.tcgetattr(inner) != before
        line.close()
        assert termios.tcgetattr(inner) == before
    finally:
        os.close(outer)
        os.close(inner)
