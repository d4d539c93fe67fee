"""The doctor at the link of a simulated board: the real firmware's bytes over a real pty."""

from __future__ import annotations

import threading
from pathlib import Path

from support import pi_trees as trees
from tcxo_firmware.simboard import SimBoard
from tcxo_host.link.url import open_link
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.root import Root
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import CHANNEL_IDS, merge_edges
from tcxo_host.sim.world import World


def test_a_board_that_sends_is_known_with_its_rates(tmp_path: Path) -> None:
    with SimBoard(tmp_path / "line") as board:
        done = threading.Event()
        player = threading.Thread(target=play, args=(board, done))
        player.start()
        try:
            subject = make_subject(Root(trees.DATA / "pi4-good"), f"serial:{tmp_path}/line", open_link)
        finally:
            done.set()
            player.join()
    findings = {finding.name: finding for finding in examine(subject)}
    assert {findings[name].level for name in ("device", "board", "gps pps", "rtc pps", "host pwm")} == {
        Level.OK
    }
    assert findings["board"].text.startswith("SIM, firmware ")
    assert findings["host pwm"].text.startswith("50.000 Hz on ")


def play(board: SimBoard, done: threading.Event) -> None:
    """The world in real time, until ``done``."""
    world = World(load_scenario("steady"), seed=1)
    while not done.wait(0.5):
        second = world.step()
        board.feed(*merge_edges(second, CHANNEL_IDS))
        board.advance(second.tick_end)
