"""``tcxo-host prove`` in machines whose crystal wanders, with a chronyd that steers their clocks.

Two machines run side by side, one for each trial, for the five minutes that each takes; they mostly wait. The board is
outside (``Player``), true time inside (``inside/reference.py``): both are worked out from one world, by the same code
and seed. What is compared is orders of magnitude, not speed. README's picture of a comparison is made here, by

    TCXO_PICTURES=tools/pictures pytest -m long tests/guest/test_x86_trial.py
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tcxo_firmware.simboard import SimBoard
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

from .inside.x86_trial import AHEAD_S, AHEAD_SPEED, SCENARIOS, SEED
from .machine import HANG_S, Reports, build_image, run_qemu
from .player import Player
from .test_x86_product import PACKAGES


def trial(name: str, kernel: Path, image: Path, folder: Path) -> Reports:
    line = folder / f"line-{name}"
    with SimBoard(line) as board:
        return run_qemu(
            [
                *("qemu-system-x86_64", "-M", "q35,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "max"),
                *("-smp", "2", "-m", "768", "-kernel", str(kernel), "-initrd", str(image)),
                *("-append", "console=ttyS0,115200 rdinit=/init panic=-1 loglevel=4 mitigations=off"
                  f" tsc=reliable script=x86_trial.py trial={name}"),
                *("-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio"),
                *("-chardev", f"serial,id=board,path={line.resolve()}", "-serial", "chardev:board"),
            ],
            limit_s=HANG_S,
            turn=Player(board, World(load_scenario(SCENARIOS[name]), SEED), 1.0, AHEAD_S, AHEAD_SPEED).turn,
        )  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reports]:
    """Each machine's words, by its trial."""
    folder = tmp_path_factory.mktemp("trial")
    kernel, image, _ = build_image("amd64", "x86_trial.py", [], PACKAGES)
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(trial, name, kernel, image, folder) for name in SCENARIOS}
    return {name: each.result() for name, each in running.items()}


@pytest.mark.long
@pytest.mark.timeout(HANG_S + 300)
@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("name", SCENARIOS)
def test_prove_says_what_is_true_of_a_crystal_that_wanders(reports: dict[str, Reports], name: str) -> None:
    reports[name].check("followed")
    reports[name].check(name)


@pytest.mark.long
@pytest.mark.timeout(HANG_S + 300)
@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
def test_the_page_has_a_picture_of_every_block(reports: dict[str, Reports]) -> None:
    found = re.search(r"PICTURE (<svg .*</svg>)", reports["benefit"].console)
    assert found
    picture = ElementTree.fromstring(found[1])
    circles = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) >= 2 + 2 * 5  # the legend's two, and a pair of blocks has two
    if folder := os.environ.get("TCXO_PICTURES"):
        Path(folder, "benefit.svg").write_text(found[1] + "\n")
