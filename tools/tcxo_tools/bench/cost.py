"""What the pipeline and the daemon cost on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tcxo_host.daemon.pipeline import Pipeline
from tcxo_host.errors import UnavailableError
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.frames import FrameSource
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World
from tcxo_protocol.framing import FrameDecoder

__all__ = ["daemon_cost", "throughput_edges_per_s"]

_SECOND_NS = 1_000_000_000
_DAEMON_S = 120
_ROUNDS = 5


def throughput_edges_per_s(seed: int, seconds: int = 3000) -> float:
    """Edges a second of one core's time: bytes of the line to published values, ``day``, kalman.

    The best of ``_ROUNDS`` runs: what else the machine does can only slow one down.
    """
    world, source = World(load_scenario("day"), seed), FrameSource(84_000_000)
    lines, edges = [], 0
    for _ in range(seconds):
        second = world.step()
        edges += sum(len(ticks) for ticks in second.edges.values())
        lines.append(source.frames(second))
    return edges / min(_cpu_s(lines) for _ in range(_ROUNDS))


def _cpu_s(lines: list[bytes]) -> float:
    decoder, pipeline = FrameDecoder(), Pipeline(make_estimator("kalman"), PublishPolicy())
    decoder.feed(b"\0")
    start = time.process_time()
    for index, line in enumerate(lines):
        for frame in decoder.feed(line):
            pipeline.feed((index + 1) * _SECOND_NS, frame.payload)
    return time.process_time() - start


def daemon_cost() -> dict[str, Any]:
    """Resident memory and CPU seconds an hour of the real daemon, in real time at the default rates.

    Raises UnavailableError when the simulation does not run here.
    """
    command = [sys.executable, "-m", "tcxo_host", "simulate", "--scenario", "day", "--estimator", "kalman"]
    command += ["--seconds", str(_DAEMON_S), "--speed", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        complaint = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"the daemon's cost cannot be measured here: {complaint}")
    summary = json.loads(done.stdout.strip().splitlines()[-1])
    return {"daemon_rss_mib": summary["rss_mib"], "daemon_cpu_s_per_h": summary["cpu_s_per_h"]}
