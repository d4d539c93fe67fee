"""The real firmware and daemon: recorded beside publishing, replayed to the same rows."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from support.captures import frames
from tcxo_host.capture.source import Sources
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World
from tcxo_protocol.capture_file import EntryKind
from tcxo_protocol.framing import encode_frame

TCXO_DUMP = [sys.executable, "-m", "tcxo_host.dump.main"]


@pytest.mark.parametrize("estimator", ["boxcar64", "kalman"])
def test_a_replay_gives_what_the_daemon_published_live(tmp_path, estimator):
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(
        'description = "unplugged and restarted"\n'
        'fault = [{ kind = "unplug", at_s = 90.4, duration_s = 5.0 },'
        ' { kind = "reboot", at_s = 180.4, duration_s = 3.0 }]\n'
        "[pi]\nfreq_ppm = 0.3\nwhite_fm = 1e-10\nrandom_walk_fm = 1e-12\n"
    )
    record = tmp_path / "captures"
    options = ["--estimator", estimator, "--record", str(record)]
    world = World(load_scenario(str(scenario)), seed=3)
    with Simulation(
        world, str(tmp_path / "tcxo"), tmp_path, speed=40, daemon_options=options, seed=3
    ) as simulation:
        simulation.run(300, lambda progress: None)
    live = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    (capture,) = record.iterdir()
    done = subprocess.run(
        [*TCXO_DUMP, "replay", capture, "--estimator", estimator, "--csv", "-"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    assert len(live) > 250
    assert [(float(row[0]), row[1], row[2]) for row in rows] == [
        (
            each["time_s"],
            each["state"],
            "" if each["published_ppm"] is None else f"{each['published_ppm']:.6f}",
        )
        for each in live
    ]
    assert sum(row[2] != "" for row in rows) > 60


@pytest.fixture
def board_line():
    """A pty: its name, and a function that sends frames as a board."""
    master, slave = os.openpty()
    subprocess.run(["stty", "raw", "-echo"], stdin=slave, check=True)
    sent = 0

    def send(payload):
        nonlocal sent
        os.write(master, (b"\0" if not sent else b"") + encode_frame(sent, payload))
        sent += 1

    yield os.ttyname(slave), send
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_sigterm_loses_nothing(tmp_path, board_line, suffix):
    """Every frame it says it recorded is in the file."""
    name, send = board_line
    path = tmp_path / f"a.tcxocap{suffix}"
    recording = subprocess.Popen(
        [*TCXO_DUMP, "record", "--link", f"serial:{name}", "-o", path], stderr=subprocess.PIPE, text=True
    )
    while not path.exists():  # made when the link is open
        time.sleep(0.02)
        assert recording.poll() is None
    wanted = [payload for _, payload in frames(20)]
    for payload in wanted:
        send(payload)
    while not suffix and path.stat().st_size < sum(map(len, wanted)):
        time.sleep(0.02)
    recording.send_signal(signal.SIGTERM)
    said = recording.communicate(timeout=20)[1]
    assert recording.returncode == 0
    sources = Sources([str(path)])
    entries = list(sources.entries())
    found = [each.body for each in entries if each.kind == EntryKind.FRAME]
    assert found == wanted[: len(found)]
    assert f"{len(found)} frames," in said
    assert len(found) == len(wanted) or suffix
    opening = [EntryKind.CLOCK, EntryKind.NOTE, EntryKind.LINK_OPENED]
    assert [each.kind for each in entries[:3]] == opening
    assert sources.problems == []


def test_a_recording_that_cannot_be_written_says_so(board_line):
    name, *_ = board_line
    done = subprocess.run(
        [*TCXO_DUMP, "record", "--link", f"serial:{name}", "-o", "/dev/full"], capture_output=True, text=True
    )
    assert done.returncode == 73
    assert done.stderr.startswith("tcxo-dump: /dev/full: cannot record: No space left on device")
