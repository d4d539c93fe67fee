"""The whole product in a machine of its own: simulated board outside, daemon and chronyd inside.

The signal is the machine's own 16550 at 480 baud, on the kernel's real driver; the board was made for 50 Hz and is
not told. QEMU's 16550 sends as fast as it is read, and it is read here at 48 bytes a second: what lies on the way
comes in bursts of a few seconds, so the buffer is emptied in its own time, but not byte by byte. The edges that the
board sees are simulated ones of the same rate.

chronyd there is allowed to steer the clock, so this is where the sign and size of what reaches the kernel
are seen. The board's seconds go by ``SPEED`` times as fast as the guest's, which the daemon does not mind.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tcxo_firmware.simboard import SimBoard
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

from .machine import HANG_S, Reports, build_image, run_qemu
from .player import STARTS_WITH, Player

SPEED = 6.0
SCENARIO = """description = "3 ppm fast, and half a ppm more when busy"
duration_s = 3600
pwm = { rate_hz = 48 }
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
UART_CHECKS = ("uart-found", "uart-divisor", "uart-kept-full", "uart-underrun")
LOAD_S = os.environ.get("TCXO_GUEST_LOAD_S", "15")
"""How long the guest's CPUs are kept busy while its UART's buffer is watched."""


class Wire:
    """The other end of the guest's UART: takes ``BYTES_PER_S`` from when the daemon inside is there."""

    BYTES_PER_S = 48

    def __init__(self, path: Path) -> None:
        self.seen: set[int] = set()
        self.count = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(1)
        self._line: socket.socket | None = None
        self._start_s = time.monotonic()

    def turn(self, console: bytes) -> None:
        if self._line is None:
            self._listening.settimeout(60)
            self._line, _ = self._listening.accept()
            self._line.setblocking(False)
        if STARTS_WITH not in console:
            self._start_s = time.monotonic()
            return
        due = int((time.monotonic() - self._start_s) * self.BYTES_PER_S) - self.count
        if due > 0:
            try:
                data = self._line.recv(due)
            except BlockingIOError:
                return
            self.seen |= set(data)
            self.count += len(data)

    def close(self) -> None:
        for each in (self._listening, self._line):
            if each is not None:
                each.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reports, Wire]]:
    """One boot for all checks, and the other end of its UART."""
    folder = tmp_path_factory.mktemp("x86")
    scenario = folder / "guest.toml"
    scenario.write_text(SCENARIO)
    kernel, image, _ = build_image("amd64", "x86_product.py", ["i2c-dev", "i2c-stub"], PACKAGES)
    line = folder / "line"
    wire = Wire(folder / "wire")
    with SimBoard(line) as board:
        player = Player(board, World(load_scenario(str(scenario)), seed=1), SPEED)

        def turn(console: bytes) -> None:
            player.turn(console)
            wire.turn(console)

        reports = run_qemu(
            [
                *("qemu-system-x86_64", "-M", "q35,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "max"),
                *("-smp", "2", "-m", "768", "-kernel", str(kernel), "-initrd", str(image)),
                *("-append", "console=ttyS0,115200 rdinit=/init panic=-1 loglevel=4 mitigations=off"
                  f" tsc=reliable script=x86_product.py load_s={LOAD_S}"),
                *("-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio"),
                *("-chardev", f"serial,id=board,path={Path(line).resolve()}", "-serial", "chardev:board"),
                *("-chardev", f"socket,id=wire,path={folder / 'wire'}", "-serial", "chardev:wire"),
            ],
            limit_s=HANG_S + float(LOAD_S),
            turn=turn,
        )  # fmt: skip
    yield reports, wire
    wire.close()


@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("name", [*I2C_CHECKS, *CLOCK_CHECKS, *UART_CHECKS])
def test_the_product_in_a_machine_of_its_own(machine: tuple[Reports, Wire], name: str) -> None:
    machine[0].check(name)


@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
def test_what_left_the_uart_was_a_square_wave_without_a_pause(machine: tuple[Reports, Wire]) -> None:
    wire = machine[1]
    assert wire.seen == {0xF0}
    assert wire.count > float(LOAD_S) * Wire.BYTES_PER_S
