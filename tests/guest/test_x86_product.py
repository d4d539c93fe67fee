"""The whole product in a machine of its own: simulated board outside, daemon and chronyd inside.

chronyd there is allowed to steer the clock, so this is where the sign and size of what reaches the kernel
are seen. The board's seconds go by ``SPEED`` times as fast as the guest's, which the daemon does not mind.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tcxo_firmware.simboard import SimBoard
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.simulation import CHANNEL_IDS, merge_edges
from tcxo_host.sim.world import World

from .machine import Reports, build_image, run_qemu

SPEED = 6.0
SCENARIO = """description = "3 ppm fast, and half a ppm more when busy"
duration_s = 3600
[pi]
freq_ppm = 3.0
white_fm = 1e-9
random_walk_fm = 1e-10
drive = [{ kind = "load", amplitude = 1.0, period_s = 240.0, time_constant_s = 60.0 }]
"""
CHRONY = [
    *(
        "chrony",
        "libcap2",
        "libseccomp2",
        "libgnutls30",
        "libnettle8",
        "libhogweed6",
        "libgmp10",
        "libp11-kit0",
    ),
    *("libidn2-0", "libunistring2", "libtasn1-6", "libedit2", "libtinfo6", "libbsd0", "libmd0"),
]
NUMPY = ["python3-numpy", "libblas3", "liblapack3", "libgfortran5", "libquadmath0", "libstdc++6"]
PACKAGES = [*CHRONY, *NUMPY, "python3-construct", "python3-serial", "python3-smbus2"]
I2C_CHECKS = ("i2c-refused", "i2c-errno", "i2c-absent")
CLOCK_CHECKS = ("daemon-open", "kernel-follows", "value-stays", "clock-itself", "gpsp")


class Player:
    """Plays the world into the board once the daemon inside has the line open."""

    def __init__(self, board: SimBoard, world: World) -> None:
        self.board, self.world = board, world
        self.start_s: float | None = None
        self.played = 0

    def turn(self, console: bytes) -> None:
        if self.start_s is None:
            if b"REPORT daemon-open ok" not in console:
                return
            self.start_s = time.monotonic()
        while self.played < (time.monotonic() - self.start_s) * SPEED:
            second = self.world.step()
            self.board.feed(*merge_edges(second, CHANNEL_IDS))
            self.board.advance(second.tick_end)
            self.played += 1


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """One boot for all checks."""
    folder = tmp_path_factory.mktemp("x86")
    scenario = folder / "guest.toml"
    scenario.write_text(SCENARIO)
    kernel, image, _ = build_image("amd64", "x86_product.py", ["i2c-dev", "i2c-stub"], PACKAGES)
    line = folder / "line"
    with SimBoard(line) as board:
        player = Player(board, World(load_scenario(str(scenario)), seed=1))
        return run_qemu(
            [
                *("qemu-system-x86_64", "-M", "q35,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "max"),
                *("-smp", "2", "-m", "768", "-kernel", str(kernel), "-initrd", str(image)),
                *("-append", "console=ttyS0,115200 rdinit=/init panic=-1 loglevel=4 mitigations=off"
                  " tsc=reliable script=x86_product.py"),
                *("-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio"),
                *("-chardev", f"serial,id=board,path={Path(line).resolve()}", "-serial", "chardev:board"),
            ],
            turn=player.turn,
        )  # fmt: skip


@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("name", [*I2C_CHECKS, *CLOCK_CHECKS])
def test_the_product_in_a_machine_of_its_own(machine: Reports, name: str) -> None:
    machine.check(name)
