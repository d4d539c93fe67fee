"""Workers on this machine's own kernel, judged by the CPU time that they and others got, never by the wall clock."""

import os
import subprocess
import sys
import time

import pytest
from tcxo_host.errors import UnavailableError
from tcxo_host.pi.heat.live.burner import Burner
from tcxo_host.pi.heat.live.worker import PATIENCE_S, Shares

CORE = max(os.sched_getaffinity(0))
WORK = (
    "import os,sys,time\nos.sched_setaffinity(0,{int(sys.argv[1])})\nwhile time.process_time()<1.0:\n  pass\n"
)


@pytest.fixture
def burner():
    made = Burner(frozenset({CORE}))
    yield made
    made.close()


def feed_until(burner, share, done):
    """Tell the worker its share four times a second until ``done``."""
    shares = tuple(share if core == CORE else 0.0 for core in range(CORE + 1))
    while not done():
        burner.burn(shares)
        time.sleep(0.05)


def test_it_runs_pinned_and_only_when_nobody_else_wants_to(burner):
    pid = burner.pids()[CORE]
    feed_until(burner, 0.1, lambda: burner.cpu_s()[CORE] > 0.05 and os.sched_getscheduler(pid))
    assert os.sched_getscheduler(pid) == os.SCHED_IDLE
    assert os.sched_getaffinity(pid) == {CORE}


def test_real_work_always_wins(burner):
    """While a plain process uses a second of the same core's time, a worker that wants all of it gets next to none.

    Each is in a session of its own, as on a real machine: without more than SCHED_IDLE they shared the core evenly.
    """
    feed_until(burner, 1.0, lambda: burner.cpu_s()[CORE] > 0.6)
    before_s = burner.cpu_s()[CORE]
    work = subprocess.Popen([sys.executable, "-c", WORK, str(CORE)], start_new_session=True)
    starting_s = 0.0
    while work.poll() is None:
        burner.burn((0.0,) * CORE + (1.0,))
        if not _pinned(work.pid):  # until then it may run on another core
            starting_s = burner.cpu_s()[CORE] - before_s
        time.sleep(0.02)
    got_s = burner.cpu_s()[CORE] - before_s - starting_s
    assert got_s < 0.15, "its group has 15/1024 of a plain one's weight"


def _pinned(pid):
    try:
        return os.sched_getaffinity(pid) == {CORE}
    except OSError:
        return True


def test_a_share_is_not_exceeded(burner):
    """CPU time over elapsed time; a busy machine may give less, never more."""
    feed_until(burner, 0.2, lambda: burner.cpu_s()[CORE] > 0.4)
    start_s, before_s = time.monotonic(), burner.cpu_s()[CORE]
    feed_until(burner, 0.2, lambda: burner.cpu_s()[CORE] - before_s > 0.25)
    assert (burner.cpu_s()[CORE] - before_s) / (time.monotonic() - start_s) < 0.26


def test_a_worker_that_is_gone_is_an_error_and_no_silence(burner):
    worker = burner.pids()[CORE]
    os.kill(worker, 9)
    with pytest.raises(UnavailableError, match=f"the worker on core {CORE} has ended"):
        feed_until(burner, 0.5, lambda: False)


def test_workers_end_with_their_controller():
    code = (
        "import sys,time\nfrom tcxo_host.pi.heat.live.burner import Burner\n"
        f"b=Burner(frozenset({{{CORE}}}))\nprint(b.pids()[{CORE}],flush=True)\n"
        f"while True:\n  b.burn((1.0,)*{CORE + 1})\n  time.sleep(.1)\n"
    )
    controller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(controller.stdout.readline())
    controller.kill()
    controller.communicate()
    while _is_running(pid):
        time.sleep(0.05)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_core_that_is_not_there_is_one_sentence():
    with pytest.raises(UnavailableError, match="core 999 is not there"):
        Burner(frozenset({999}))


def test_a_share_holds_for_a_moment_only_and_nonsense_is_none():
    shares = Shares()
    assert shares.now(0.0) == 0.0
    shares.feed(b"0.2\n0.", 10.0)
    assert shares.now(10.0 + PATIENCE_S) == 0.2
    assert shares.now(10.1 + PATIENCE_S) == 0.0
    shares.feed(b"75\n", 20.0)
    assert shares.now(20.0) == 0.75
    for line in (b"1.5\n", b"nan\n", b"-1\n", b"x\n", b"\xff\n"):
        shares.feed(line, 30.0)
        assert shares.now(30.0) == 0.0
