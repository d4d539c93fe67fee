"""``tcxo-host heat hold`` on a tree that stands for a Pi, with real workers: how it ends, and what is left of it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from support import pi_trees as trees

CORE = max(os.sched_getaffinity(0))
CODE = """
import sys
from tcxo_host.cli.main import build_parser
from tcxo_host.cli.machine.heat import command
from tcxo_host.cli.program import run_command
from tcxo_host.pi.root import Root
args = build_parser().parse_args(["heat", *sys.argv[2:]])
args.main = lambda args: command.run(args, Root(sys.argv[1]), None)
sys.exit(run_command(args, "tcxo-host"))
"""


@pytest.fixture
def start(tmp_path):
    pi = trees.write_tree(tmp_path / "pi", trees.PI4 | trees.HEAT)
    started = []

    def run(*argv, folder="oven"):
        command = [
            sys.executable,
            "-c",
            CODE,
            str(pi),
            *argv,
            "--cores",
            str(CORE),
            "--dir",
            str(tmp_path / folder),
        ]
        made = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(made)
        return pi, made

    yield run
    for each in started:
        each.kill()
        each.communicate()


def workers(process):
    """Its children, once they burn: pinned and idle."""
    while True:
        assert process.poll() is None, process.stderr.read()
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            found = [int(pid) for pid in file.read().split()]
        if found and all(os.sched_getscheduler(pid) == os.SCHED_IDLE for pid in found):
            return found
        time.sleep(0.05)


def are_gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(start, number):
    _, process = start("hold", "--set-point", "60")
    pids = workers(process)
    process.send_signal(number)
    _, errors = process.communicate()
    assert (process.returncode, "Traceback" in errors) == (0, False), errors
    assert are_gone(pids)


def test_a_safety_stop_has_its_own_status(start):
    pi, process = start("hold", "--set-point", "60")
    pids = workers(process)
    (pi / trees.THROTTLED.lstrip("/")).write_text("50005\n")
    _, errors = process.communicate()
    assert process.returncode == 75
    assert errors.splitlines()[-1].startswith(
        "tcxo-host: stopped: the firmware says: under-voltage: nothing burns"
    )
    assert are_gone(pids)


def test_a_second_oven_is_refused(start):
    _, first = start("hold", "--set-point", "60")
    workers(first)
    _, second = start("hold", "--set-point", "55")
    _, errors = second.communicate()
    assert second.returncode == 73
    assert "another 'tcxo-host heat' runs" in errors
    assert first.poll() is None


def test_a_worker_that_dies_ends_it_with_one_sentence(start):
    _, process = start("hold", "--set-point", "60")
    pids = workers(process)
    os.kill(pids[0], signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 69
    assert "nothing burns any more" in errors
    assert "Traceback" not in errors


def test_learning_needs_the_daemon(start):
    _, process = start("learn", "--hours", "1")
    _, errors = process.communicate()
    assert process.returncode == 69
    assert "learning needs the frequency: start the daemon" in errors
