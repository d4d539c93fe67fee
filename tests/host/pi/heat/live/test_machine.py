"""The live oven with real workers, on a tree that stands for the Pi's sysfs files: what it reads, and how it ends."""

import json
import os
import time

import pytest
from support import pi_trees as trees
from tcxo_host.errors import UnavailableError
from tcxo_host.pi.heat.follow import follow
from tcxo_host.pi.heat.live.daemon_ppm import DaemonPpm
from tcxo_host.pi.heat.live.machine import LivePi, default_cores
from tcxo_host.pi.heat.live.sensors import CpuTimes, Thermometer, Throttling
from tcxo_host.pi.heat.oven.oven import Oven
from tcxo_host.pi.root import Root

CORE = max(os.sched_getaffinity(0))


@pytest.fixture
def pi(tmp_path):
    return trees.write_tree(tmp_path, trees.PI4 | trees.HEAT)


def write(pi, path, text):
    (pi / path.lstrip("/")).write_text(text)


def status(tmp_path, **changes):
    now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    values = {"tick": 84, "freq_error_ppm": 1.25, "state": "track", "written_ns": now_ns} | changes
    path = tmp_path / "status.json"
    path.write_text(json.dumps(values))
    return str(path)


def test_the_real_loop_burns_reads_and_stops_at_the_limit(pi, tmp_path):
    machine = LivePi(Root(pi), frozenset({CORE}), status(tmp_path))
    seen = []

    def ends(reading):
        seen.append(reading)
        if reading.burned[CORE] > 0.05:
            write(pi, trees.CPU_TEMPERATURE, "81000\n")
        return False

    try:
        stop = follow(machine, Oven(frozenset({CORE}), 60.0), "hold", lambda *_: None, ends)
    finally:
        machine.close()
    assert stop == "81.0 °C: the limit is 75 °C"
    assert {reading.temperature_c for reading in seen[:2]} == {48.686}
    assert {reading.throttled for reading in seen} == {0}
    assert [reading.ppm for reading in seen if reading.ppm is not None] == [1.25], "a second counts once"


def test_a_machine_without_a_sensor_burns_nothing(tmp_path):
    with pytest.raises(UnavailableError, match="has no CPU temperature.*nothing may burn here"):
        Thermometer(Root(tmp_path))


def test_another_zone_is_not_taken_for_the_cpus(tmp_path):
    trees.write_tree(tmp_path, {"/sys/class/thermal/thermal_zone0/type": "rp1_adc\n"})
    with pytest.raises(UnavailableError):
        Thermometer(Root(tmp_path))


def test_without_the_firmwares_flags_nothing_burns(pi):
    write(pi, trees.THROTTLED, "")
    with pytest.raises(UnavailableError, match="throttling and under-voltage"):
        Throttling(Root(pi))


@pytest.mark.parametrize(("text", "flags"), [("0\n", 0), ("50005\n", 0x50005), ("e0008\n", 0xE0008)])
def test_flags_are_hexadecimal(pi, text, flags):
    write(pi, trees.THROTTLED, text)
    assert Throttling(Root(pi)).read() == flags


@pytest.mark.parametrize("text", ["", "nonsense", "4.5", "99999999999"])
def test_a_temperature_that_is_none(pi, text):
    thermometer = Thermometer(Root(pi))
    write(pi, trees.CPU_TEMPERATURE, text)
    assert thermometer.read_c() is None


def test_busy_time_by_core(pi):
    times = CpuTimes(Root(pi))
    assert times.cores == 4
    write(pi, "/proc/stat", trees.HEAT["/proc/stat"].replace("cpu1 100 0 50", "cpu1 120 5 50"))
    assert times.busy_s() == (0.0, 0.25, 0.0, 0.0)
    assert times.busy_s() == (0.0, 0.0, 0.0, 0.0)


def test_the_frequency_is_the_daemons_and_only_while_it_tracks(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def ask(**changes):
        now[0] += 1.0
        ppm.__init__(status(tmp_path, **changes))
        return ppm.latest_ppm(), ppm.problem

    ppm = DaemonPpm(status(tmp_path))
    assert ppm.latest_ppm() == 1.25
    now[0] += 1.0
    assert ppm.latest_ppm() is None, "the same second counts once"
    assert ppm.problem == ""
    assert ask(state="holdover") == (None, "the daemon does not track (holdover)")
    assert ask(freq_error_ppm=None)[0] is None
    assert "does not run" in ask(written_ns=0)[1]
    assert "not a status" in ask(tick=None, written_ns="x")[1]
    (tmp_path / "status.json").unlink()
    now[0] += 1.0
    assert ppm.latest_ppm() is None
    assert "No such file" in ppm.problem


def test_the_first_core_is_left_alone():
    assert default_cores(4) == {1, 2, 3}
    assert default_cores(1) == {0}
