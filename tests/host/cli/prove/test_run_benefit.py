"""The command beside a daemon that follows its lease, and chrony's logs of a known effect.

The daemon here only keeps its status file, as the real one does; time runs fast, and the logs are written at once.
``tests/guest`` has the real daemon and a real chronyd.
"""

import errno
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from support.chrony_logs import refclocks_log, statistics_log, tracking_log, wandering
from support.pi_trees import status_json
from tcxo_host.cli.main import main
from tcxo_host.cli.prove import machine, run_benefit
from tcxo_host.config.trial import LEASE_S, held_reason, lease_path
from tcxo_host.pi.root import Root

BLOCK_S = 600.0


class Daemon:
    """Keeps the status that the daemon would, by the lease; ``obeys`` false: an older one, which knows of none."""

    def __init__(self, folder, obeys=True):
        self.folder, self.obeys = folder, obeys
        self.status = folder / "status.json"
        self.lease = lease_path(self.status)
        self.config = folder / "tcxo-host.toml"
        self.config.write_text(
            f'[output]\nstatus = "{self.status}"\npath = "{folder}/tcxo"\n[state]\npath = "{folder}/state.json"\n'
        )
        self.second()

    def second(self):
        values = json.loads(status_json(gps_pps=1.0, host_pwm=50.0))
        held = held_reason(self.lease) if self.obeys else ""
        if held:
            values |= {"reason": held, "published_ppm": None}
        values["written_ns"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        new = self.status.with_suffix(".new")
        new.write_text(json.dumps(values))
        new.rename(self.status)
        return bool(held)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A run of two hours in an instant: each sleep lets the daemon go on and the clocks jump."""
    daemon = Daemon(tmp_path)
    state = SimpleNamespace(
        now_s=0.0, held=[], upsets={}, interrupt_after_s=float("inf"), daemon=daemon, noon=1_790_000_000.0
    )

    def sleep(seconds):
        for at_s in [each for each in state.upsets if each <= state.now_s]:
            state.upsets.pop(at_s)()
        state.held.append((state.noon + state.now_s, daemon.second()))
        state.now_s += seconds
        if state.now_s > state.interrupt_after_s:
            raise KeyboardInterrupt

    clock = SimpleNamespace(
        **vars(time)
        | {"monotonic": lambda: state.now_s, "time": lambda: state.noon + state.now_s, "sleep": sleep}
    )
    for each in (run_benefit, machine):
        monkeypatch.setattr(each, "time", clock)
    monkeypatch.setattr(run_benefit, "TICK_S", 16.0)
    state.chrony = tmp_path / "chrony"
    (state.chrony / "run/chrony").mkdir(parents=True)
    (state.chrony / "etc/chrony").mkdir(parents=True)
    (state.chrony / "run/chrony/chronyd.pid").write_text("100\n")
    (state.chrony / "etc/chrony/chrony.conf").write_text(f"tempcomp {tmp_path}/tcxo 1 0 0 1 0\n")
    monkeypatch.setattr(run_benefit, "Root", lambda: Root(state.chrony))
    return state


def write_logs(folder, held, factor):
    """What chrony logs afterwards: offsets ``factor`` times as large where the file was held."""
    rng = np.random.default_rng(5)
    utc_s, was_held = np.array([at for at, _ in held]), np.array([each for _, each in held])
    scale = np.where(was_held, factor, 1.0)
    (folder / "tracking.log").write_text(tracking_log(utc_s, 1e-7 * scale * wandering(rng, utc_s.size, 1.0)))
    (folder / "statistics.log").write_text(
        statistics_log(utc_s, 1e-3 * scale * wandering(rng, utc_s.size, 1.0))
    )
    (folder / "refclocks.log").write_text(refclocks_log(utc_s, 5e-6 + 1e-6 * rng.normal(size=utc_s.size)))


def prove(bench, folder, *options):
    (folder / "tracking.log").touch()
    return main(["prove", "--benefit", "--config", str(bench.daemon.config), "--logs", str(folder), *options])


def again(bench, folder, *options):
    return prove(bench, folder, "--again", *options)


RUN = ("--minutes", "200", "--block", "10m", "--seed", "1")


def test_a_known_effect_is_found_in_every_log(bench, tmp_path, capsys):
    assert prove(bench, tmp_path, *RUN) == 65  # chrony has logged nothing yet, but the blocks are kept
    assert "no line of a chrony tracking.log" in capsys.readouterr().err
    assert not bench.daemon.lease.exists()
    share = np.mean([each for _, each in bench.held])
    assert share == pytest.approx(0.5, abs=0.02)
    write_logs(tmp_path, bench.held, factor=3.0)
    page = tmp_path / "report.html"
    assert again(bench, tmp_path, "--json", "-o", str(page)) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdict"] == "helps"
    assert {each["arm"]: each["problem"] for each in shown["blocks"]} == {"on": "", "held": ""}
    by_name = {each["name"]: each for each in shown["comparisons"]}
    assert set(by_name) == {"clock offset", "residual frequency", "skew", "refclock GPSP"}
    for name in ("clock offset", "residual frequency"):
        assert by_name[name]["ratio_low"] < 3.0 < by_name[name]["ratio_high"]
        assert by_name[name]["pairs"] == 10
    assert by_name["refclock GPSP"]["verdict"] == "none"
    assert by_name["clock offset"]["percentiles"]["held"]["p99"][0] == pytest.approx(700, rel=0.25)
    text = page.read_text()
    assert text.count("<svg") >= 3
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_logs_that_were_rotated_in_the_middle_are_one(bench, tmp_path, capsys):
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=3.0)
    capsys.readouterr()
    again(bench, tmp_path, "--json")
    whole = json.loads(capsys.readouterr().out)
    for name in ("tracking", "statistics", "refclocks"):
        lines = (tmp_path / f"{name}.log").read_text().splitlines(keepends=True)
        half = len(lines) // 2
        (tmp_path / f"{name}.log.1.gz").write_bytes(gzip.compress("".join(lines[:half]).encode()))
        (tmp_path / f"{name}.log").write_text("".join(lines[half:]))
    assert again(bench, tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == whole


def test_a_page_on_stdout_comes_alone(bench, tmp_path, capsys):
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=3.0)
    capsys.readouterr()
    assert again(bench, tmp_path, "-o", "-") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("<!DOCTYPE html>")
    assert shown.endswith("</html>\n")


def test_the_table_for_people(bench, tmp_path, capsys):
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=1.0)
    capsys.readouterr()
    assert again(bench, tmp_path) == 1
    shown = capsys.readouterr().out
    assert "clock offset: no difference seen: without it" in shown
    assert max(map(len, shown.splitlines())) <= 110
    assert [line for line in shown.splitlines() if line.startswith("clock offset, ns")]
    assert max(len(line) for line in shown.splitlines()[:8]) <= 80


def test_ctrl_c_leaves_compensation_on_and_uses_what_there_is(bench, tmp_path, capsys):
    bench.interrupt_after_s = 150 * 60.0
    assert prove(bench, tmp_path, *RUN) == 65
    assert "compensation is on" in capsys.readouterr().err
    assert not bench.daemon.lease.exists()
    write_logs(tmp_path, bench.held, factor=3.0)
    assert again(bench, tmp_path, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["blocks"]) in (14, 15)


def test_a_daemon_of_an_older_version_is_told_after_the_first_held_block(bench, tmp_path, capsys):
    bench.daemon.obeys = False
    assert prove(bench, tmp_path, *RUN) == 69
    assert "does not hold when it is asked to" in capsys.readouterr().err
    assert not bench.daemon.lease.exists()


def test_a_block_in_which_the_daemon_was_away_does_not_count(bench, tmp_path, capsys, monkeypatch):
    asked = iter(range(10**6))
    real = run_benefit.read_status
    away = run_benefit.UnavailableError("the daemon has gone")

    def sometimes(config):
        if 80 < next(asked) < 100:
            raise away
        return real(config)

    monkeypatch.setattr(run_benefit, "read_status", sometimes)
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=3.0)
    capsys.readouterr()
    assert again(bench, tmp_path, "--json") == 0
    lost = [each for each in json.loads(capsys.readouterr().out)["blocks"] if each["problem"]]
    assert [each["problem"] for each in lost] == ["the daemon has gone"]


def set_clock(bench):
    bench.noon += 0.3


def restart_chronyd(bench):
    (bench.chrony / "run/chrony/chronyd.pid").write_text("200\n")


def remove_tempcomp(bench):
    (bench.chrony / "etc/chrony/chrony.conf").write_text("pool pool.ntp.org\n")


@pytest.mark.parametrize(
    ("upset", "problems"),
    [
        (set_clock, ["the system clock was set"]),
        (restart_chronyd, ["chronyd was restarted"]),
        (remove_tempcomp, ["chrony is not told to apply the file any more"] * 10),
    ],
)
def test_a_block_in_which_something_else_changed_does_not_count(bench, tmp_path, capsys, upset, problems):
    """A step is 0.3 s in the middle of the 11th block of 20."""
    bench.upsets[6300.0] = lambda: upset(bench)
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=3.0)
    capsys.readouterr()
    again(bench, tmp_path, "--json")
    blocks = json.loads(capsys.readouterr().out)["blocks"]
    assert [each["problem"] for each in blocks] == [""] * 10 + problems + [""] * (10 - len(problems))


def test_where_chrony_takes_nothing_it_does_not_begin(bench, tmp_path, capsys):
    remove_tempcomp(bench)
    assert prove(bench, tmp_path, *RUN) == 69
    assert "chrony is not told to apply the daemon's file" in capsys.readouterr().err
    assert not bench.held


def test_a_page_that_cannot_be_written_is_told_before_the_day_begins(bench, tmp_path, capsys):
    assert prove(bench, tmp_path, *RUN, "-o", str(tmp_path / "no" / "report.html")) == 73
    assert "its folder is not there" in capsys.readouterr().err
    assert not bench.held


def test_a_full_disk_costs_neither_the_run_nor_the_table(bench, tmp_path, capsys, monkeypatch):
    """The blocks can be kept for some time, then no more; the page cannot be written at the end."""
    real, saved = run_benefit.StateFile.save, iter(range(1000))
    full = "no room on it"
    monkeypatch.setattr(
        run_benefit.StateFile, "save", lambda file, content: real(file, content) if next(saved) < 5 else full
    )
    page = tmp_path / "page"
    page.mkdir()
    bench.upsets[11900.0] = lambda: write_logs(tmp_path, bench.held, factor=3.0)
    assert prove(bench, tmp_path, *RUN, "-o", str(page)) == 73
    told = capsys.readouterr()
    assert told.err.count("the blocks are not kept") == 1
    assert "compensation helps" in told.out


def test_a_lease_that_finds_no_room_ends_it_with_what_there_is(bench, tmp_path, capsys, monkeypatch):
    def full(lease, until_utc_s):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill():
        write_logs(tmp_path, bench.held, factor=3.0)
        monkeypatch.setattr(run_benefit, "write_lease", full)

    bench.upsets[9300.0] = fill
    assert prove(bench, tmp_path, *RUN, "--json") == 0
    told = capsys.readouterr()
    assert "No space left on device); compensation is on; what follows is from a part" in told.err
    assert len(json.loads(told.out)["blocks"]) in (14, 15, 16)


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (("--hours", "1"), 64, "has 2 blocks"),
        (("--block", "5s"), 64, "at least 20s"),
        (("--block", "10x"), 64, "no duration"),
        (("--hours", "8", "--settle", "29m"), 64, "--settle"),
        (("--hours", "-1"), 64, "more than nothing"),
        (("--warm",), 64, "--warm and --resume are of --crystal"),
        (("--json", "-o", "-"), 64, "both want stdout"),
        (("--again",), 65, "no comparison was run yet"),
    ],
)
def test_what_cannot_be_is_told_before_anything_begins(bench, tmp_path, capsys, options, status, text):
    assert prove(bench, tmp_path, *options) == status
    assert text in capsys.readouterr().err
    assert not bench.held


@pytest.mark.parametrize("line", ["measure_only = true", "baseline = 0.5"])
def test_where_nothing_or_a_jump_would_come_of_it_it_does_not_begin(bench, tmp_path, capsys, line):
    config = bench.daemon.config
    config.write_text(config.read_text().replace("[output]", f"[output]\n{line}"))
    assert prove(bench, tmp_path, *RUN) == 78
    assert line.split()[0] in capsys.readouterr().err
    assert not bench.held


def test_without_chronys_log_the_line_that_makes_one_is_named(bench, tmp_path, capsys):
    command = ["prove", "--benefit", "--config", str(bench.daemon.config), "--logs", str(tmp_path / "none")]
    assert main(command) == 69
    assert "log tracking statistics refclocks" in capsys.readouterr().err
    assert Root(tmp_path).exists("/state.json") is False


def test_a_folder_for_the_page_is_one_sentence(bench, tmp_path, capsys):
    prove(bench, tmp_path, *RUN)
    write_logs(tmp_path, bench.held, factor=3.0)
    capsys.readouterr()
    assert again(bench, tmp_path, "-o", str(tmp_path)) == 73
    assert "cannot be written" in capsys.readouterr().err


def with_sock(daemon):
    """A machine whose chrony needs no file: the real command reads the real /etc."""
    daemon.config.write_text(daemon.config.read_text().replace("[output]", "[output]\nsock = true"))
    return daemon


class TestProcess:
    """The real command, ended in three ways in the middle of a held block."""

    @pytest.fixture
    def running(self, tmp_path):
        daemon, done = with_sock(Daemon(tmp_path)), threading.Event()
        (tmp_path / "tracking.log").touch()

        def keep():
            while not done.wait(0.2):
                daemon.second()

        keeper = threading.Thread(target=keep)
        keeper.start()
        options = ["--config", str(daemon.config), "--logs", str(tmp_path), "--block", "30s"]
        options += ["--minutes", "10", "--seed", "0"]  # with this one the first block is held
        command = [sys.executable, "-m", "tcxo_host", "prove", "--benefit", *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        yield daemon, process, command
        process.kill()
        process.communicate()
        done.set()
        keeper.join()

    def held(self, daemon):
        end = time.monotonic() + 120
        while not held_reason(daemon.lease):
            assert time.monotonic() < end
            time.sleep(0.1)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_signal_ends_the_hold_at_once(self, running, number):
        daemon, process, _ = running
        self.held(daemon)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
        assert not daemon.lease.exists()
        assert "compensation is on" in told or "not one block" in told
        assert "Traceback" not in told

    def test_under_nohup_a_closed_terminal_does_not_end_it(self, tmp_path):
        """SIGHUP that was ignored stays ignored; SIGTERM then ends it."""
        daemon = with_sock(Daemon(tmp_path))
        (tmp_path / "tracking.log").touch()
        options = [
            "--config",
            str(daemon.config),
            "--logs",
            str(tmp_path),
            "--block",
            "30s",
            "--minutes",
            "10",
        ]
        command = ["nohup", sys.executable, "-m", "tcxo_host", "prove", "--benefit", *options, "--seed", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while not held_reason(daemon.lease):
                daemon.second()
                assert process.poll() is None
                time.sleep(0.1)
            process.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            assert process.poll() is None
            process.terminate()
            process.communicate(timeout=60)
        assert not daemon.lease.exists()

    def test_a_kill_ends_it_with_the_lease(self, running):
        daemon, process, _ = running
        self.held(daemon)
        process.kill()
        process.wait(60)
        now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        assert held_reason(daemon.lease, now_s + LEASE_S) == ""

    def test_a_second_one_is_refused(self, running):
        daemon, _, command = running
        self.held(daemon)
        second = subprocess.run(command, capture_output=True, text=True)
        assert second.returncode == 73
        assert "another comparison is running" in second.stderr
        assert held_reason(daemon.lease)
