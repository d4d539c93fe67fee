"""Inside a Raspberry Pi 3 machine: the PWM against the real bcm2835 driver."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import tempfile
from pathlib import Path

from support import pi_trees as trees
from support.fake_pwm import FakePwmTree
from tcxo_host.cli.machine import pwm as command
from tcxo_host.errors import PermissionRefused, UnavailableError
from tcxo_host.pi.models import identify_model
from tcxo_host.pi.pwm import header as pwm
from tcxo_host.pi.root import Root

from guest.inside import pi3_uart
from guest.inside.pi3_pwm_checks import STATES
from guest.inside.report import check, load_modules

CHIP = Path("/sys/class/pwm/pwmchip0")


class CountingRoot(Root):
    """The live tree, with its writes counted."""

    def __init__(self) -> None:
        super().__init__("/")
        self.written = 0

    def write(self, path: str, text: str) -> None:
        self.written += 1
        super().write(path, text)


def raw_write(path: Path, text: str) -> int:
    """Write past our code; return the errno, 0 for success."""
    try:
        handle = os.open(path, os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)
    except OSError as error:
        return error.errno or -1
    return 0


def values(directory: Path) -> list[str]:
    return [(directory / name).read_text().strip() for name in ("period", "duty_cycle", "enable", "polarity")]


def leave(exported: bool, period: int = 0, duty: int = 0, enable: int = 0, polarity: str = "normal") -> None:
    """Bring channel 0 into a state, as another program would leave it."""
    raw_write(CHIP / "export", "0")
    channel = CHIP / "pwm0"
    raw_write(channel / "enable", "0")
    if period:
        raw_write(channel / "duty_cycle", "0")
        for name, value in (
            ("period", period),
            ("duty_cycle", duty),
            ("polarity", polarity),
            ("enable", enable),
        ):
            assert raw_write(channel / name, str(value)) == 0, (name, value)
    if not exported:
        assert raw_write(CHIP / "unexport", "0") == 0


def setup_from(*state: object) -> None:
    leave(*state)  # type: ignore[arg-type]
    root = CountingRoot()
    assert pwm.prepare(root).right
    assert values(CHIP / "pwm0") == ["20000000", "10000000", "1", "normal"], values(CHIP / "pwm0")
    before = root.written
    assert not pwm.prepare(root).changed
    assert root.written == before, "a PWM that is right was written to"


def first_setup() -> None:
    """Nothing was ever exported since boot."""
    assert not (CHIP / "pwm0").exists()
    root = CountingRoot()
    assert pwm.prepare(root).right
    assert values(CHIP / "pwm0") == ["20000000", "10000000", "1", "normal"]


def the_kernel_is_as_our_fake() -> None:
    """Every errno and every value read back, side by side with the fake that the unit tests use."""
    leave(True, 20_000_000, 10_000_000)
    raw_write(CHIP / "unexport", "0")
    with tempfile.TemporaryDirectory() as folder:
        fake = FakePwmTree(trees.write_tree(Path(folder), trees.pwm_chip(trees.PWM_BY_SOC["bcm2837"])))
        fake.start_with(0, exported=False, period=20_000_000, duty_cycle=10_000_000)
        for name, text in WRITES:
            real = raw_write(CHIP / name, text)
            try:
                fake.write(f"{fake.chip_path}/{name}", text)
                ours = 0
            except OSError as error:
                ours = error.errno or -1
            assert real == ours, f"{name} <- {text!r}: kernel {errno.errorcode.get(real)}, fake {ours}"
            for number in (0, 1):
                there = (CHIP / f"pwm{number}").exists()
                assert there == (fake.chip / f"pwm{number}").exists(), (name, text)
                if there:
                    assert values(CHIP / f"pwm{number}") == values(fake.chip / f"pwm{number}"), (name, text)


WRITES = [
    ("unexport", "0"), ("export", "2"), ("export", "-1"), ("export", "abc"), ("export", "0"), ("export", "0"),
    ("pwm0/enable", "1"), ("pwm0/enable", "1"), ("pwm0/period", "5000000"), ("pwm0/duty_cycle", "20000001"),
    ("pwm0/duty_cycle", "20000000"), ("pwm0/duty_cycle", "0"), ("pwm0/period", "0"), ("pwm0/period", "20ms"),
    ("pwm0/period", "-1"), ("pwm0/duty_cycle", "1e7"), ("pwm0/enable", "2"),
    ("pwm0/enable", "on"), ("pwm0/period", "1000000"), ("pwm0/duty_cycle", "500000"),
    ("pwm0/polarity", "inversed"), ("pwm0/polarity", "foo"), ("pwm0/polarity", "normal"),
    ("pwm0/enable", "0"), ("pwm0/enable", "0"), ("pwm0/enable", "1"), ("unexport", "0"), ("unexport", "0"),
    ("export", "0"), ("pwm0/enable", "0"),
    # a channel that never had a period
    ("export", "1"), ("pwm1/enable", "1"), ("pwm1/enable", "0"), ("pwm1/duty_cycle", "0"),
    ("pwm1/duty_cycle", "10"), ("pwm1/period", "1000000"), ("unexport", "1"), ("unexport", "0"),
]  # fmt: skip


def without_driver() -> None:
    try:
        pwm.prepare(Root("/"))
    except UnavailableError as error:
        assert "dtoverlay=pwm,pin=12,func=4,clock=1200000" in str(error), error
    else:
        raise AssertionError("no error without a driver")


def as_nobody() -> None:
    leave(True, 1_000_000, 500_000, 1)
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            pwm.prepare(Root("/"))
        except PermissionRefused as error:
            os._exit(0 if "sudo" in str(error) else 2)
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def off() -> None:
    pwm.prepare(Root("/"))
    assert pwm.switch_off(Root("/"))[1]
    assert not (CHIP / "pwm0").exists()
    raw_write(CHIP / "export", "0")
    assert (CHIP / "pwm0/enable").read_text().strip() == "0"
    raw_write(CHIP / "unexport", "0")
    assert not pwm.switch_off(Root("/"))[1]


def the_command() -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    for action, status in (("off", 0), ("show", 1), ("setup", 0), ("show", 0)):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            assert command.main(parser.parse_args(["pwm", action])) == status, out.getvalue()
        print(out.getvalue())


def the_clock() -> None:
    """The clock that our model chooses for the rate in the device tree is the one the kernel chose."""
    root = Root("/")
    model = identify_model(root)
    asked = pwm.requested_clock_hz(root, model)
    assert asked == 10_000_000, asked  # Debian's own device tree
    timing = pwm.look(root).timing
    parent = Path("/sys/kernel/debug/clk/pwm/clk_parent").read_text().strip()
    rate = int(Path("/sys/kernel/debug/clk/pwm/clk_rate").read_text())
    assert (timing.parent, int(timing.clock_hz)) == (parent, rate), (timing, parent, rate)


if __name__ == "__main__":
    check("without-driver", without_driver)
    load_modules()
    check("first-setup", first_setup)
    for state, how in STATES.items():
        check(state, lambda how=how: setup_from(*how))  # type: ignore[misc]
    check("kernel-as-fake", the_kernel_is_as_our_fake)
    check("as-nobody", as_nobody)
    check("off", off)
    check("command", the_command)
    check("clock", the_clock)
    pi3_uart.run()
