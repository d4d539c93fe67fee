"""The I2C link to the simulated board: the real device files behind the bus, faults on it, values at the end."""

from __future__ import annotations

import errno
import random
import threading
import time

import pytest
from support.fake_i2c import FakeBus
from tcxo_firmware.simboard import SimBoard
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.edges.collector import EdgeCollector
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.link.i2c import I2cLink
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import CHANNEL_IDS, merge_edges
from tcxo_host.sim.world import World

SPEED = 10.0
SECONDS = 100
ADDRESS = 0x55  # boards/SIM


def play(board: SimBoard, world: World, truth: list[float]) -> None:
    """So many seconds of the world, ``SPEED`` times as fast as ours."""
    start = time.monotonic()
    for index in range(SECONDS):
        time.sleep(max(0.0, start + index / SPEED - time.monotonic()))
        second = world.step()
        truth.append(second.truth_pi_ppm)
        board.feed(*merge_edges(second, CHANNEL_IDS))
        board.advance(second.tick_end)


@pytest.mark.parametrize("faults", [False, True], ids=["quiet bus", "bus with faults"])
def test_the_right_value_comes_out_and_no_edge_is_lost(monkeypatch: pytest.MonkeyPatch, faults: bool) -> None:
    chance = random.Random(1)
    with SimBoard() as board:
        wait_for(board)
        bus = FakeBus(board.i2c.transfer)
        bus.install(monkeypatch)
        codes = [errno.EREMOTEIO, errno.EIO, errno.ETIMEDOUT]
        if faults:
            bus.faults.extend(chance.choice(codes) if chance.random() < 0.1 else 0 for _ in range(100_000))
        link = I2cLink(
            f"1:{ADDRESS:#x}", clock=lambda: time.monotonic() * SPEED, pause=lambda s: time.sleep(s / SPEED)
        )
        pipeline = Pipeline(make_estimator("boxcar64"), PublishPolicy())
        pipeline.link_opened()
        rows: list[Row] = []
        truth: list[float] = []
        player = threading.Thread(target=play, args=(board, World(load_scenario("steady"), seed=1), truth))
        for received in link.read(5):
            pipeline.feed(received.host_ns, received.payload)
        player.start()
        deadline = time.monotonic() + 60
        while (player.is_alive() or len(rows) < SECONDS - 2) and time.monotonic() < deadline:
            for received in link.read(0.5):
                rows += [
                    event
                    for event in pipeline.feed(received.host_ns, received.payload)
                    if isinstance(event, Row)
                ]
        player.join()
        counts, collector = link.counts, pipeline.collector
    published = [row.published_ppm for row in rows if row.published_ppm is not None]
    assert len(published) > 20
    assert published[-1] == pytest.approx(-truth[-1], abs=0.02)
    assert counts.lost_frames == 0
    for role, (seen, lost) in seen_and_lost(collector).items():
        rate_hz = 50 if role == "host_pwm" else 1
        assert lost == 0, role
        assert seen >= rate_hz * (SECONDS - 2), role  # the run may end before the last second is read
    assert (sum(link.errors.values()) > 10) == faults


def wait_for(board: SimBoard) -> None:
    """Until the board's firmware has opened its I2C target."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            board.i2c.transfer(ADDRESS, b"\0\0", 2)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the board never answered on I2C")


def seen_and_lost(collector: EdgeCollector) -> dict[str, tuple[int, int]]:
    return {role: (ledger.seen, ledger.lost) for role, ledger in collector.ledgers.items()}
