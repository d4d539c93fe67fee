"""The whole way with ``output.sock``: simulated board, daemon, samples at the socket."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import Simulation
from tcxo_host.sim.world import World


def test_the_daemon_hands_over_a_sample_for_every_second_that_it_trusts(tmp_path: Path) -> None:
    config = tmp_path / "tcxo-host.toml"
    config.write_text(f'[output]\nsock = true\nsock_path = "{tmp_path}/s"\n[log]\nlevel = "warning"\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(f"{tmp_path}/s")
        samples: list[bytes] = []
        reader = threading.Thread(target=take, args=(server, samples))
        reader.start()
        world = World(load_scenario("day"), seed=3)
        options = ["--config", str(config), "--estimator", "boxcar64"]
        with Simulation(
            world, str(tmp_path / "tcxo"), tmp_path, speed=20, daemon_options=options, seed=3
        ) as simulation:
            published = simulation.run(120, lambda _: None)["published"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"end", f"{tmp_path}/s")
        reader.join()
    assert published > 30
    # one a published second; the run may end between the two
    assert abs(len(samples) - published) <= 1
    times = [struct.unpack("=qqdiiii", sample)[0:2] for sample in samples]
    assert times == sorted(times)


def take(server: socket.socket, samples: list[bytes]) -> None:
    """As chronyd: read each sample when it comes; the kernel queues no more than about ten."""
    while (sample := server.recv(100)) != b"end":
        samples.append(sample)
