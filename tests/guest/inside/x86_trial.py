"""Inside an x86-64 machine whose crystal wanders: ``tcxo-host prove``, as a user runs it, beside the whole product."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

from guest.inside.kernel_clock import wait_until
from guest.inside.product import install, line_is_open, published_ppm, start_daemon
from guest.inside.reference import LINE, Reference
from guest.inside.report import check

SCENARIOS = {
    name: str(Path(__file__).with_name(f"{file}.toml"))
    for name, file in {"crystal": "warming", "benefit": "wandering"}.items()
}
SEED = 1
AHEAD_S, AHEAD_SPEED = 80.0, 8.0
"""So long the daemon gets to know its clocks, so many times as fast; then the crystal moves."""
LOGS = "/var/log/chrony"
LOG = Path("/run/daemon.log")
CHRONY = f"""{LINE}
log tracking statistics refclocks tempcomp
logdir {LOGS}
"""
STATE = '[state]\npath = "/run/tcxo-host/state.json"\n'
BENEFIT = ("--benefit", "--minutes", "4.7", "--block", "20s", "--seed", "42")
CRYSTAL = ("--crystal", "--minutes", "4.7")
LEAST_RATIO = 2.0
"""Without compensation the clock is several times as far off; the machine may be slow, and its clock's reads coarse."""


def chronyc(*words: str) -> str:
    return subprocess.run(["chronyc", "-n", *words], capture_output=True, text=True, check=False).stdout


def proven(options: Sequence[str]) -> dict[str, Any]:
    """What the command says, as JSON."""
    command = [sys.executable, "-m", "tcxo_host", "prove", *options, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"prove {' '.join(options)}: status {done.returncode}")
    found = dict(json.loads(done.stdout))
    assert done.returncode == {"helps": 0, "right": 0}.get(found["verdict"], 1)
    return found


def proven_again(*options: str) -> str:
    """The same blocks, as people see them."""
    command = [sys.executable, "-m", "tcxo_host", "prove", "--benefit", "--again", *options]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def the_crystal() -> None:
    """Board and chronyd speak of one crystal, and the sign is right."""
    found = proven(CRYSTAL)
    print(json.dumps(found))
    assert found["verdict"] == "right", found
    assert found["moved_ppm"] > 1.0, found


def the_benefit() -> None:
    """chrony's own offsets are larger without it, and so is the clock's true error, which chrony does not know."""
    found = proven(BENEFIT)
    print(proven_again())
    page = proven_again("-o", "-")
    print(f"PICTURE {page[page.index('<svg') : page.index('</svg>')]}</svg>")
    assert found["verdict"] == "helps", [each["problem"] for each in found["blocks"]]
    assert found["comparisons"][0]["ratio"] > LEAST_RATIO, found["comparisons"][0]
    at_s, offset_s = np.array(reference.seen).T
    rms_s = {
        arm: np.sqrt(np.mean([
            np.mean(offset_s[(at_s > each["start_utc_s"] + found["settle_s"]) & (at_s < each["end_utc_s"])] ** 2)
            for each in found["blocks"] if each["arm"] == arm
        ])) for arm in ("on", "held")
    }  # fmt: skip
    print(f"true error of the clock: {rms_s['on'] * 1e6:.2f} us with, {rms_s['held'] * 1e6:.2f} us without")
    assert rms_s["held"] > LEAST_RATIO * rms_s["on"], rms_s


TRIALS = {"crystal": the_crystal, "benefit": the_benefit}

if __name__ == "__main__":
    words = dict(word.partition("=")[::2] for word in Path("/proc/cmdline").read_text().split())
    for folder in (LOGS, "/run/chrony"):
        Path(folder).mkdir(parents=True, mode=0o770)
    install(CHRONY, STATE)
    world = World(load_scenario(SCENARIOS[words["trial"]]), SEED)
    with LOG.open("wb") as log:
        daemon = start_daemon(log)
    check("daemon-open", lambda: wait_until("the daemon has the line open", lambda: line_is_open(daemon)))
    time.sleep(AHEAD_S / AHEAD_SPEED)
    reference = Reference(world, AHEAD_S)
    reference.start()
    chronyd = subprocess.Popen(["chronyd", "-d", "-f", "/etc/chrony/chrony.conf"])
    check("published", lambda: wait_until("a value is published", lambda: published_ppm() is not None))
    check("followed", lambda: wait_until("chronyd follows", lambda: "#* TRUE" in chronyc("sources"), 1.0))
    check(words["trial"], TRIALS[words["trial"]])
    reference.stop()
    print(chronyc("tracking"), LOG.read_text(), Path(LOGS, "tracking.log").read_text())
