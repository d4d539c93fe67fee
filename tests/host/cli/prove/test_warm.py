"""The load that moves a crystal: idle priority, bounded, and gone with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tcxo_host.cli.prove.warm import Warmer, too_hot


def gone(pid):
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def until(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_loads_every_core_at_idle_priority_and_stops():
    warmer = Warmer(60)
    try:
        pids = [each.pid for each in warmer._burning]
        assert len(pids) == os.cpu_count()
        until(lambda: all(os.sched_getscheduler(pid) == os.SCHED_IDLE for pid in pids))
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {19}
        assert warmer.is_running
    finally:
        warmer.stop()
    warmer.stop()
    assert not warmer.is_running
    assert all(gone(pid) for pid in pids)


def test_it_ends_by_itself():
    warmer = Warmer(0.05)
    until(lambda: not warmer.is_running)
    warmer.stop()


def test_it_ends_with_a_parent_that_was_killed():
    code = (
        "from tcxo_host.cli.prove.warm import Warmer; import time; w = Warmer(60);"
        "print(*[each.pid for each in w._burning], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert pids
    until(lambda: all(gone(pid) for pid in pids))


@pytest.mark.parametrize(
    ("millidegrees", "flags", "reason"),
    [
        ("54000", "0", ""),
        ("75000", "0", "the CPU has 75 C"),
        ("54000", "50000", ""),  # it was throttled once
        ("54000", "50005", "get_throttled 0x50005"),
        ("54000", "8", "get_throttled 0x8"),
        ("?", None, ""),
    ],
)
def test_it_respects_the_temperature_and_the_firmwares_flag(tmp_path, millidegrees, flags, reason):
    (tmp_path / "temp").write_text(millidegrees + "\n")
    if flags is not None:
        (tmp_path / "throttled").write_text(flags + "\n")
    assert reason in too_hot(str(tmp_path / "temp"), str(tmp_path / "throttled"))
    if not reason:
        assert too_hot(str(tmp_path / "temp"), str(tmp_path / "throttled")) == ""
