"""The real firmware files, a real pty, the real daemon: what is written is the truth, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World

STEADY = 'description = "a test"\n[pi]\nfreq_ppm = {ppm}\nwhite_fm = 1e-10\nrandom_walk_fm = 1e-12\n'


class Run:
    """One simulation and what the daemon wrote during it."""

    def __init__(
        self,
        folder: Path,
        seconds: int,
        *,
        ppm: float = 0.3,
        faults: str = "",
        speed: float = 150,
        estimator: str = "boxcar64",
    ) -> None:
        scenario = folder / "scenario.toml"
        scenario.write_text(f"{faults}\n{STEADY.format(ppm=ppm)}")
        self.output = folder / "tcxo"
        world = World(load_scenario(str(scenario)), seed=7)
        options = ["--log-level", "info", "--estimator", estimator]
        with Simulation(
            world, str(self.output), folder, speed=speed, daemon_options=options, seed=7
        ) as simulation:
            self.summary = simulation.run(seconds, lambda progress: None)
        self.rows = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]

    def published(self, after_s: float = 0):
        rows = (row for row in self.rows if row["published_ppm"] is not None and row["time_s"] >= after_s)
        return np.array([row["published_ppm"] for row in rows])


@pytest.fixture(params=["kalman", "boxcar64"])
def estimator(request):
    """What is promised holds for every estimator."""
    return request.param


def test_within_90_seconds_the_truth_is_in_the_file(tmp_path, estimator):
    run = Run(tmp_path, 90, estimator=estimator)
    assert run.summary["lost_edges"] == run.summary["bad_frames"] == 0
    assert run.summary["first_publish_s"] < 70
    assert run.summary["state"] == "track"
    assert run.summary["published_ppm"] == pytest.approx(run.summary["true_ppm"], abs=0.02)
    assert run.output.read_text() == f"{run.summary['published_ppm']:.6f}\n"


def test_a_clock_that_runs_fast_gives_a_negative_number(tmp_path):
    assert float(Run(tmp_path, 90, ppm=3.0).output.read_text()) == pytest.approx(-3.0, abs=0.02)


HAPPENED = {
    "unplug, duration_s = 20.0": lambda run: len(run.rows) <= 385,
    "reboot, duration_s = 3.0": lambda run: len({row["boot_id"] for row in run.rows}) == 2,
    "noise, bytes = 300": lambda run: run.summary["bad_frames"] > 0,
}


@pytest.mark.parametrize("fault", HAPPENED)
def test_it_comes_back_and_never_publishes_a_wrong_value(tmp_path, fault, estimator):
    kind, rest = fault.split(", ")
    faults = f'fault = [{{ at_s = 120.4, kind = "{kind}", {rest} }}]'
    run = Run(tmp_path, 400, faults=faults, speed=40, estimator=estimator)
    assert HAPPENED[fault](run)
    assert run.summary["worst_error_ppm"] < 0.05
    assert len(run.published(after_s=300)) > 50
    assert run.summary["state"] == "track"


def test_after_an_outage_of_100_s_no_stale_value_is_published(tmp_path, estimator):
    faults = 'fault = [{ kind = "outage", at_s = 1800.0, duration_s = 100.0 }]'
    run = Run(tmp_path, 2100, faults=faults, speed=400, estimator=estimator)
    assert len(run.published(after_s=2000)) > 60
    assert np.max(np.abs(run.published() + 0.3)) < 0.02


def test_one_500_us_glitch_on_the_pwm_moves_nothing(tmp_path, estimator):
    faults = 'fault = [{ kind = "glitch", role = "host_pwm", at_s = 150.0, shift_us = 500.0 }]'
    run = Run(tmp_path, 300, faults=faults, estimator=estimator)
    assert len(run.published()) > 200
    assert np.max(np.abs(run.published() + 0.3)) < 0.02


def command_lines_with(text: str) -> list[str]:
    """Running programs, those that have ended but were not waited for left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # ended meanwhile
        if text in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("number", "when"),
    [
        (signal.SIGTERM, "status.json"),  # the daemon runs and hears the board
        (signal.SIGINT, "status.json"),
        (signal.SIGHUP, "status.json"),
        (signal.SIGTERM, "trace.jsonl"),  # nothing runs yet, or the board only
    ],
)
def test_a_simulation_that_is_ended_early_leaves_neither_files_nor_programs(tmp_path, number, when):
    command = [sys.executable, "-m", "tcxo_host", "simulate", "--speed", "1", "--seconds", "100000"]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(f"tcxo-simulate-*/{when}")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert when != "status.json" or command_lines_with(str(tmp_path)), "the daemon's, with its files"
        process.send_signal(number)
        assert process.wait(120) == 130
    assert list(tmp_path.iterdir()) == []
    assert command_lines_with(str(tmp_path)) == []
