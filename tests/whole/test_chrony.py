"""A real chronyd reads what the daemon writes, and rejects nothing."""

import getpass
import json
import subprocess
import time

import pytest
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World

CONF = """\
tempcomp {output} 1 0 0 1 0
logdir {folder}
log tempcomp
logbanner 0
pidfile {folder}/chronyd.pid
port 0
cmdport 0
bindcmdaddress /
"""


@pytest.fixture
def chronyd(tmp_path):
    """chronyd -x: it reads the file and keeps its hands off this machine's clock."""
    output = tmp_path / "tcxo"
    output.write_text("-0.100000\n")  # an earlier run's value, so that chronyd's first reads find a file
    config = tmp_path / "chrony.conf"
    config.write_text(CONF.format(output=output, folder=tmp_path))
    with (tmp_path / "chronyd.out").open("w") as log:
        user = ["-u", "root"] if getpass.getuser() == "root" else []
        process = subprocess.Popen(
            ["chronyd", "-x", "-d", "-U", *user, "-f", str(config)], stderr=log, stdout=log
        )
    yield tmp_path
    process.terminate()
    process.wait(20)


@pytest.mark.needs("chronyd")
def test_chrony_takes_every_value_in_the_order_in_which_it_was_written(chronyd):
    output = chronyd / "tcxo"
    world = World(load_scenario("day"), seed=3)
    options = ["--log-level", "warning", "--estimator", "boxcar64"]
    with Simulation(world, str(output), chronyd, speed=20, daemon_options=options, seed=3) as simulation:
        simulation.run(300, lambda progress: None)
    log = chronyd / "tempcomp.log"
    last = output.read_text().strip()
    deadline = time.monotonic() + 20
    while float(read(log)[-1]) != float(last) and time.monotonic() < deadline:
        time.sleep(0.2)
    rows = [json.loads(line) for line in (chronyd / "trace.jsonl").read_text().splitlines()]
    written = [-0.1] + [row["published_ppm"] for row in rows if row["published_ppm"] is not None]
    taken = [float(value) for value in read(log)]
    assert len(set(taken)) >= 5
    position = 0
    for value in taken:
        position = nearest(written, value, position)
    assert "Could not read" not in (chronyd / "chronyd.out").read_text()
    assert "out of range" not in (chronyd / "chronyd.out").read_text().lower()


def nearest(written, value, start):
    """Index of ``value`` in ``written`` at or after ``start``; chrony logs four significant decimals."""
    for index in range(start, len(written)):
        if abs(written[index] - value) < 1e-4 * max(1.0, abs(value)):
            return index
    raise AssertionError(f"chrony took {value}, which was not written after {written[start]}")


def read(log):
    """The compensation column of tempcomp.log: what chrony applied, ppm."""
    return [line.split()[3] for line in log.read_text().splitlines() if line[:1].isdigit()]
