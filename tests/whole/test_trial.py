"""The real daemon beside a simulated board, while a trial holds the file by its lease."""

import json

import pytest
from tcxo_host.config.trial import HELD, end_lease, lease_path, write_lease
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World

SPEED = 40.0
NOON_S = 1_800_014_400.0


class Trial:
    """Holds the file once the daemon has published, and lets it go when it has been held for a while."""

    def __init__(self, folder, output):
        self.lease, self.output = lease_path(folder / "status.json"), output
        self.seen_held = 0
        self.values_while_held = set()
        self.over = False

    def show(self, progress):
        if self.over:
            return
        if HELD in (progress.status.get("reason") or ""):
            self.seen_held += 1
            self.values_while_held.add(self.output.read_text())
        if self.seen_held >= 3:
            end_lease(self.lease)
            self.over = True
        elif self.output.exists():
            write_lease(self.lease, NOON_S)


@pytest.fixture
def rows_and_trial(tmp_path):
    output = tmp_path / "tcxo"
    trial = Trial(tmp_path, output)
    world = World(load_scenario("steady"), seed=3)
    options = ["--log-level", "warning"]
    with Simulation(world, str(output), tmp_path, speed=SPEED, daemon_options=options, seed=3) as simulation:
        for _ in range(6):  # until it was held and let go: the machine may be slow
            simulation.run(320, trial.show)
            if trial.over:
                break
        simulation.run(160, trial.show)
    return [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()], trial


def test_it_measures_on_leaves_the_file_alone_and_goes_on_without_a_jump(rows_and_trial):
    rows, trial = rows_and_trial
    assert trial.over
    assert len(trial.values_while_held) == 1
    held = [n for n, row in enumerate(rows) if HELD in row["reason"]]
    assert held == list(range(held[0], held[-1] + 1))
    assert {(rows[n]["state"], rows[n]["published_ppm"]) for n in held} == {("track", None)}
    assert rows[held[0]]["reason"] == f"{HELD} until 12:00:00 UTC"
    assert all(rows[n]["freq_error_ppm"] is not None for n in held)
    before, after = rows[held[0] - 1]["published_ppm"], rows[held[-1] + 1]["published_ppm"]
    assert float(trial.values_while_held.pop()) == before
    assert after == pytest.approx(before, abs=0.01)
