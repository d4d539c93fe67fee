"""GPS as chrony's reference clock: samples, words, and a real chronyd that selects it."""

from __future__ import annotations

import getpass
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tcxo_host.errors import DataError
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.pi.chrony.refclock_log import RefclockSeries, read_refclocks
from tcxo_host.publish.clock_pair import read_pair
from tcxo_host.publish.phase.ambiguity import Witnesses
from tcxo_host.publish.phase.meter import EdgeMeter
from tcxo_host.publish.phase.pin import EdgeFinder, raw_ns
from tcxo_host.publish.phase.sample import Limits, PhasePolicy, PhaseSample
from tcxo_host.publish.phase.second import PhaseWork
from tcxo_host.publish.phase.tracker import EdgeTracker
from tcxo_host.publish.phase_refclock import PhaseRefclock, chrony_line
from tcxo_host.publish.refclock import pack_sample
from tcxo_host.sim.clocked_pin import ClockedPin

AHEAD_NS = 400_000
"""By how much the test's GPS time is ahead of this machine's clock."""


def test_the_sample_carries_the_offset_and_no_pulse(tmp_path):
    refclock = PhaseRefclock(str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        assert refclock.send(PhaseSample(1_700_000_000_250_000_123, -1500.0, 200.0, 5.0))
        seconds, micro, offset, pulse, leap, _, magic = struct.unpack("=qqdiiii", server.recv(100))
    refclock.close()
    assert (seconds, micro, pulse, leap, magic) == (1_700_000_000, 250_000, 0, 0, 0x534F434B)
    assert offset == pytest.approx(-1500e-9, abs=1e-15)


def test_no_chronyd_is_one_sentence_with_the_line_that_it_needs(tmp_path):
    refclock = PhaseRefclock(str(tmp_path / "absent"))
    assert not refclock.send(PhaseSample(10**18, 0.0, 1.0, 1.0))
    assert "is not there: chrony needs the line 'refclock SOCK" in refclock.problem
    assert "pps refid GPSP poll 0 filter 1" in refclock.problem
    refclock.close()


class Machine:
    """The shipped phase code on this machine's clocks, with a simulated pin and a perfect filter."""

    def __init__(self) -> None:
        # the pin's GPS second begins AHEAD_NS before the system clock's
        self.pin = ClockedPin(20_000_000, raw_ns() - (time.time_ns() + AHEAD_NS) % 1_000_000_000)
        meter = EdgeMeter(EdgeFinder(self.pin, 2e7), EdgeTracker(Fraction(20_000_000)))
        policy = PhasePolicy(Limits(half_width_ns=1e5))
        self.work = PhaseWork(meter, policy, read_pair, raw_ns)

    def second(self) -> PhaseSample | None:
        now_ns = raw_ns()
        phase = self.pin.phase_now(now_ns)
        witnesses = Witnesses(2e6, arrival_tick=phase.tick, arrival_ns=now_ns)
        return self.work.second(Estimate(State.TRACK, "", phase=phase), witnesses).verdict.sample


@pytest.mark.needs("chronyd", "chronyc")
def test_a_real_chronyd_selects_gps_and_logs_its_noise() -> None:
    """-x keeps chronyd off the clock. NMEA, which numbers the second, is 30 ms late and scatters by 5 ms."""
    with tempfile.TemporaryDirectory(prefix="tcxo-phase-") as name:
        folder = Path(name)
        process = start_chronyd(folder)
        refclock, log, machine = PhaseRefclock(f"{folder}/s"), folder / "refclocks.log", Machine()
        nmea = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        rng = np.random.default_rng(1)
        listed, logged, deadline = "", None, time.monotonic() + 120
        try:
            while time.monotonic() < deadline:
                sample = machine.second()
                if sample is not None:
                    refclock.send(sample)
                    late_s = float(rng.normal(30e-3, 5e-3))
                    nmea.sendto(pack_sample(time.time_ns(), AHEAD_NS * 1e-9 - late_s), f"{folder}/nmea")
                    listed = sources(folder)
                    logged = offsets(log, "GPSP")
                    if "#* GPSP" in listed and logged is not None and logged.utc_s.size >= 40:
                        break
                time.sleep(0.45)
        finally:
            process.terminate()
            process.wait(20)
            refclock.close()
            nmea.close()
        assert "#* GPSP" in listed, listed + (folder / "chronyd.out").read_text()
        assert logged is not None
        assert read_refclocks([str(log)]).bad.count == 0
        times, seen = logged.utc_s[12:] - logged.utc_s[0], logged.raw_offset_s[12:]  # the first are coarser
        # chrony's sign: positive when the reference is ahead. This machine's own clock may wander beneath.
        assert seen.mean() == pytest.approx(AHEAD_NS * 1e-9, abs=100e-6)
        line = np.polyval(np.polyfit(times, seen, 2), times)
        print(f"noise of {seen.size} samples in refclocks.log: {np.std(seen - line) * 1e9:.0f} ns")
        assert np.median(np.abs(seen - line)) < 150e-9


def start_chronyd(folder: Path) -> subprocess.Popen[bytes]:
    user = getpass.getuser()
    config = folder / "chrony.conf"
    config.write_text(
        f"{chrony_line(f'{folder}/s')} lock NMEA\n"
        f"refclock SOCK {folder}/nmea refid NMEA offset 0.03 delay 0.1 noselect poll 0 filter 1\n"
        f"logdir {folder}\nlog refclocks\nlogbanner 0\n"
        f"pidfile {folder}/pid\nport 0\ncmdport 0\nbindcmdaddress {folder}/run/c\n"
    )
    (folder / "run").mkdir(mode=0o770)
    if user == "root":
        shutil.chown(folder / "run", "root", "root")
    options = ["-u", "root"] if user == "root" else []
    with (folder / "chronyd.out").open("w") as out:
        process = subprocess.Popen(
            ["chronyd", "-x", "-d", "-U", *options, "-f", config], stderr=out, stdout=out
        )
    deadline = time.monotonic() + 20
    while not ((folder / "s").exists() and (folder / "nmea").exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def sources(folder: Path) -> str:
    command = ["chronyc", "-n", "-h", f"{folder}/run/c", "sources"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def offsets(log: Path, refid: str) -> RefclockSeries | None:
    """The samples of a reference clock in refclocks.log, once there are some."""
    try:
        return read_refclocks([str(log)]).samples.get(refid)
    except DataError:  # not yet
        return None
