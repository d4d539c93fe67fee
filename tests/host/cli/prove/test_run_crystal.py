"""The command from the daemon's status file and chronyd's answers to words, exit status and doctor's line.

Time passes only where the command sleeps; chronyd's answers are made here instead of by ``chronyc -c tracking``, of
which the parser has tests of its own.
"""

import json
import math
import time
from types import SimpleNamespace

import pytest
from support.pi_trees import status_json
from tcxo_host.cli.main import main
from tcxo_host.cli.prove import machine, run_crystal
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.daemon.chronyc import Tracking
from tcxo_host.pi.doctor.check import Level, Subject
from tcxo_host.pi.doctor.check_proof import check_crystal
from tcxo_host.pi.proof import parse_proof
from tcxo_host.pi.root import Root


class Bench:
    """A daemon that measures a crystal, and a chronyd whose crystal moves ``factor`` times as far."""

    def __init__(self, folder, factor):
        self.folder, self.factor, self.ends_after_s = folder, factor, math.inf
        self.now_s = 0.0
        self.away_s = (0.0, 0.0)
        self.boards = {}
        self.config = folder / "tcxo-host.toml"
        self.config.write_text(
            f'[output]\nstatus = "{folder}/status.json"\nmeasure_only = true\n'
            f'[state]\npath = "{folder}/state.json"\n'
        )

    def sleep(self, seconds):
        self.now_s += seconds
        if not self.away_s[0] < self.now_s < self.away_s[1]:
            self.write_status()
        elif (self.folder / "status.json").exists():
            (self.folder / "status.json").unlink()

    def moved_ppm(self):
        return 0.2 * math.sin(self.now_s / 300)

    def tracking(self, command):
        if self.now_s > self.ends_after_s:
            raise KeyboardInterrupt
        own = 1.5 + self.factor * self.moved_ppm()
        return Tracking("PPS", 1, time.time(), 0.0, 0.0, own, 0.0, 0.005, "Normal", 16.0)

    def write_status(self):
        values = json.loads(status_json(gps_pps=1.0, host_pwm=50.0))
        values["freq_error_ppm"] = 1.5 + self.moved_ppm()
        for since_s, board in self.boards.items():
            if self.now_s >= since_s:
                values["board"]["board"] = board
        values["written_ns"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        (self.folder / "status.json").write_text(json.dumps(values))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    def make(factor):
        made = Bench(tmp_path, factor)
        clock = SimpleNamespace(**vars(time) | {"monotonic": lambda: made.now_s, "sleep": made.sleep})
        monkeypatch.setattr(run_crystal, "time", clock)
        monkeypatch.setattr(machine, "time", clock)
        monkeypatch.setattr(machine, "read_tracking", lambda command: made.tracking(command))
        made.write_status()
        return made

    return make


def proven(bench, *options):
    return main(["prove", "--crystal", "--config", str(bench.config), "--minutes", "40", *options])


def doctor_says(bench):
    config = override(Config(), "state", path="/state.json")
    return check_crystal(Subject(Root(bench.folder), config))


@pytest.mark.parametrize(
    ("factor", "verdict", "status", "level"),
    [(1.0, "right", 0, Level.OK), (-1.0, "wrong-sign", 2, Level.FAIL), (0.4, "other-crystal", 2, Level.FAIL)],
)
def test_verdict_exit_status_and_doctor(bench, capsys, factor, verdict, status, level):
    made = bench(factor)
    assert proven(made, "--json") == status
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["tempcomp"]) == (verdict, False)
    assert shown["slope"] == pytest.approx(-factor, abs=0.1)
    assert shown["slope_low"] < shown["slope"] < shown["slope_high"]
    finding = doctor_says(made)
    assert finding.level is level
    assert shown["text"] in finding.text
    assert finding.remedy == shown["remedy"]


def test_ctrl_c_gives_the_verdict_of_the_part(bench, capsys):
    made = bench(1.0)
    made.ends_after_s = 1500.0
    assert proven(made) == 0
    told = capsys.readouterr()
    assert "ended early" in told.err
    assert "verdict    right crystal and right sign" in told.out
    assert max(map(len, told.out.splitlines()[:-1])) <= 110


def test_an_interrupted_run_is_gone_on_with(bench, capsys):
    made = bench(1.0)
    made.ends_after_s = 900.0
    proven(made, "--json")
    made.ends_after_s, made.now_s = math.inf, made.now_s + 300.0
    made.write_status()
    capsys.readouterr()
    assert proven(made, "--json", "--resume") == 0
    found = json.loads(capsys.readouterr().out)
    assert made.now_s == pytest.approx(2400 + 300, abs=30)
    assert found["seconds"] == pytest.approx(2400 + 300, abs=30)
    assert proven(made, "--resume") == 65  # whole: nothing is left to go on with
    assert "none was interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("kill", [901.0, 1199.0])
def test_what_was_measured_before_a_kill_is_kept_to_five_minutes(bench, capsys, monkeypatch, kill):
    made = bench(1.0)
    made.ends_after_s = kill
    killed = SystemExit(9)
    real = made.tracking

    def tracking(command):
        if made.now_s > kill:
            raise killed
        return real(command)

    monkeypatch.setattr(machine, "read_tracking", tracking)
    with pytest.raises(SystemExit):
        proven(made, "--json")
    kept = json.loads((made.folder / "crystal-samples.json").read_text())["content"]["samples"]
    assert kill - 320 < kept[-1][0] <= kill


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda made, monkeypatch: setattr(made, "now_s", made.now_s + 3600), "over 30 min ago"),
        (lambda made, monkeypatch: setattr(made, "now_s", 1.0), "over 30 min ago"),
        (
            lambda made, monkeypatch: monkeypatch.setattr(run_crystal, "applies_file", lambda *of: True),
            "changed",
        ),
        (lambda made, monkeypatch: (made.folder / "crystal-samples.json").unlink(), "none was interrupted"),
        (lambda made, monkeypatch: (made.folder / "crystal-samples.json").write_text("{"), "damaged"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_named(bench, capsys, monkeypatch, spoil, text):
    made = bench(1.0)
    made.ends_after_s = 900.0
    proven(made, "--json")
    made.ends_after_s = math.inf
    spoil(made, monkeypatch)
    assert proven(made, "--resume") == 65
    assert text in capsys.readouterr().err


def test_another_board_in_the_middle_begins_anew(bench, capsys):
    made = bench(1.0)
    made.boards = {1200.0: "OTHER"}
    assert proven(made, "--json") == 0
    told = capsys.readouterr()
    assert "another board" in told.err
    assert json.loads(told.out)["seconds"] == pytest.approx(1200, abs=30)


def test_a_tempcomp_line_that_changes_in_the_middle_ends_it(bench, capsys, monkeypatch):
    made = bench(1.0)
    monkeypatch.setattr(run_crystal, "applies_file", lambda *of: made.now_s > 1500)
    proven(made, "--json")
    told = capsys.readouterr()
    assert "from before" in told.err
    assert json.loads(told.out)["seconds"] == pytest.approx(1500, abs=30)


def test_a_restart_of_the_daemon_is_a_pause(bench, capsys):
    made = bench(1.0)
    made.away_s = (600.0, 900.0)
    assert proven(made, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["seconds"]) == ("right", pytest.approx(2390.0, abs=20))


def test_a_short_look_says_what_to_do_and_leaves_an_earlier_verdict(bench, capsys):
    made = bench(1.0)
    assert proven(made) == 0
    made.ends_after_s = made.now_s + 100.0
    assert proven(made) == 1
    shown = capsys.readouterr().out
    assert "not enough movement yet" in shown
    assert "--warm" in shown
    assert parse_proof((made.folder / "crystal.json").read_bytes())[0].verdict == "right"


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"written_ns": 1}', "\0"])
def test_without_a_daemon_it_says_so(bench, capsys, content):
    made = bench(1.0)
    path = made.folder / "status.json"
    path.unlink() if content is None else path.write_text(content)
    assert proven(made) == 69
    assert str(path) in capsys.readouterr().err


def test_without_a_configuration_it_names_the_next_step(tmp_path, capsys):
    assert main(["prove", "--crystal", "--config", str(tmp_path / "none.toml")]) == 78
    assert main(["prove", "--crystal", "--minutes", "0"]) == 64


def test_the_kernel_is_only_read(monkeypatch):
    """adjtimex(2) with no mode set; this machine's own figure is within what a kernel allows."""
    assert abs(machine.kernel_ppm()) < 1000


class TestDoctor:
    """The line in doctor, from the kept file alone."""

    def test_before_anything_was_proven(self, tmp_path):
        trees = tmp_path / "etc/systemd/system"
        trees.mkdir(parents=True)
        (trees / "tcxo-host.service").touch()
        finding = check_crystal(Subject(Root(tmp_path), override(Config(), "state", path="/s/state.json")))
        assert (finding.level, finding.text) == (Level.OK, "not proven yet (tcxo-host prove --crystal)")

    def test_another_kernel_asks_for_a_new_proof(self, bench):
        made = bench(1.0)
        proven(made, "--json")
        text = (made.folder / "crystal.json").read_text()
        (made.folder / "proc/sys/kernel").mkdir(parents=True)
        (made.folder / "proc/sys/kernel/osrelease").write_text("9.9.9\n")
        finding = doctor_says(made)
        assert finding.level is Level.OK
        assert "with 9.9.9 not proven yet" in finding.text
        assert json.loads(text)["content"]["verdict"] == "right"

    @pytest.mark.parametrize("content", ["", "{", '{"kind": "x"}', "[[", "\xff"])
    def test_a_damaged_file_is_named(self, tmp_path, content):
        (tmp_path / "crystal.json").write_bytes(content.encode("latin1"))
        finding = check_crystal(Subject(Root(tmp_path), override(Config(), "state", path="/state.json")))
        assert (finding.level, finding.remedy[:7]) == (Level.WARN, "sudo rm")
