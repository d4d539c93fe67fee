"""The TCXO as chrony's reference clock: arithmetic, samples, and a real chronyd that takes them."""

from __future__ import annotations

import getpass
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from tcxo_host.publish.clock_pair import ClockPair
from tcxo_host.publish.refclock import Refclock, TcxoTime, pack_sample

NS = 1_000_000_000


def pair_at(seconds: float, real_fast_ppm: float = 0.0) -> ClockPair:
    """RAW and a REALTIME that the kernel runs by that much faster, after so many RAW seconds."""
    raw_ns = round(seconds * NS)
    return ClockPair(5 * NS + raw_ns, 1_000 * NS + raw_ns + round(raw_ns * real_fast_ppm * 1e-6), 100)


def test_a_fast_crystal_makes_the_reference_clock_fall_behind_an_uncorrected_system_clock() -> None:
    clock = TcxoTime()
    offsets = [clock.advance(pair_at(second), 10.0) for second in range(11)]
    assert offsets[0] == 0
    assert offsets[10] == pytest.approx(-100e-6, rel=1e-4)


def test_a_system_clock_that_is_corrected_rightly_stays_with_the_reference_clock() -> None:
    clock = TcxoTime()
    error_ppm = 7.5
    correction_ppm = (1 / (1 + error_ppm * 1e-6) - 1) * 1e6
    for second in range(1000):
        offset_s = clock.advance(pair_at(second, correction_ppm), error_ppm)
    assert offset_s == pytest.approx(0, abs=2e-9)


def test_no_limit_of_ten_ppm() -> None:
    clock = TcxoTime()
    clock.advance(pair_at(0), 120.0)
    assert clock.advance(pair_at(1), 120.0) == pytest.approx(-120e-6, rel=1e-3)


def test_a_known_bias_of_the_pwm_is_taken_out() -> None:
    clock = TcxoTime(bias_ppm=-2.5431)
    clock.advance(pair_at(0), -2.5431)  # the PWM looks slow by that, the system clock is right
    assert clock.advance(pair_at(1000), -2.5431) == pytest.approx(0, abs=1e-12)


def test_a_gap_gives_no_samples_and_no_jump() -> None:
    clock = TcxoTime()
    for second in range(10):
        clock.advance(pair_at(second), 5.0)
    assert [clock.advance(pair_at(second), None) for second in range(10, 70)] == [None] * 60
    assert clock.advance(pair_at(70), 5.0) == pytest.approx(-70 * 5e-6, rel=1e-4)


def test_after_hours_it_starts_anew_and_before_the_first_value_it_says_nothing() -> None:
    clock = TcxoTime()
    assert clock.advance(pair_at(0), None) is None
    assert clock.advance(pair_at(1), 5.0) == 0
    assert clock.advance(pair_at(8000), 5.0) == 0


def test_a_clock_that_is_being_stepped_gives_no_sample(tmp_path: Path) -> None:
    refclock = Refclock(str(tmp_path / "s"), pair=lambda: None)
    assert not refclock.second(1.0)
    assert refclock.problem == ""


def test_the_sample_is_chronys_struct_on_64_bit() -> None:
    seconds, micro, offset, pulse, leap, pad, magic = struct.unpack(
        "=qqdiiii", pack_sample(1_700_000_000_123_456_789, 1e-6)
    )
    assert (seconds, micro, pulse, leap, pad, magic) == (1_700_000_000, 123_456, 0, 0, 0, 0x534F434B)
    assert offset == 1e-6  # the cut 789 ns are no part of the offset


def test_no_chronyd_is_one_sentence_and_no_error(tmp_path: Path) -> None:
    refclock = Refclock(str(tmp_path / "absent"), pair=lambda: pair_at(0))
    assert not refclock.second(1.0)
    assert "is not there: chrony needs the line 'refclock SOCK" in refclock.problem
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "absent"))
        assert refclock.second(1.0)
        assert refclock.problem == ""
        assert not refclock.second(None)
        assert len(server.recv(100)) == 40
    assert not refclock.second(1.0)
    assert "is it running" in refclock.problem
    refclock.close()


@pytest.mark.needs("chronyd", "chronyc")
def test_a_real_chronyd_lists_the_tcxo_and_logs_its_samples() -> None:
    """-x keeps chronyd off the clock; so the offsets must drift by exactly the error that we report."""
    with tempfile.TemporaryDirectory(prefix="tcxo-sock-") as name:
        folder = Path(name)
        user = getpass.getuser()
        config = folder / "chrony.conf"
        config.write_text(
            f"refclock SOCK {folder}/s refid TCXO local poll 0 filter 1\nlogdir {folder}\nlog refclocks\nlogbanner 0\n"
            f"pidfile {folder}/pid\nport 0\ncmdport 0\nbindcmdaddress {folder}/run/c\n"
        )
        (folder / "run").mkdir(mode=0o770)
        if user == "root":
            shutil.chown(folder / "run", "root", "root")
        options = ["-u", "root"] if user == "root" else []
        process = subprocess.Popen(
            ["chronyd", "-x", "-d", "-U", *options, "-f", config], stderr=subprocess.DEVNULL
        )
        refclock, log, error_ppm = Refclock(f"{folder}/s"), folder / "refclocks.log", 200.0
        try:
            deadline = time.monotonic() + 60
            while _rows(log) < 8 and time.monotonic() < deadline:
                refclock.second(error_ppm)
                time.sleep(0.5)
            listed = subprocess.run(
                ["chronyc", "-n", "-h", f"{folder}/run/c", "sources"],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            process.terminate()
            process.wait(20)
            refclock.close()
        assert "TCXO" in listed.stdout, listed.stdout + listed.stderr
        samples = [line.split() for line in log.read_text().splitlines() if line.split()[3] != "-"]
        times = [_seconds(row) for row in samples]
        offsets = [float(row[6]) for row in samples]
        drift_ppm = (offsets[-1] - offsets[0]) / (times[-1] - times[0]) * 1e6
        # chrony's sign: negative when the system clock is ahead. This machine's own clock may be under
        # correction, by less than 5 % of what we report.
        assert drift_ppm == pytest.approx(-error_ppm, rel=0.05)


def _rows(log: Path) -> int:
    return sum(line.split()[3] != "-" for line in log.read_text().splitlines()) if log.exists() else 0


def _seconds(row: list[str]) -> float:
    hours, minutes, seconds = row[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
