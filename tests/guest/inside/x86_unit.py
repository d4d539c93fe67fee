"""Inside an x86-64 machine whose first process is systemd: what the service's unit lets the daemon do.

The units are the generated ones; only what they start is exchanged, for this script, which looks from inside. What
stands in for ``/dev/gpiomem`` is the HPET's device: another that is mapped read-only and not among those that
``DevicePolicy=closed`` allows by itself; its register at 0x34 is real, but no pin's level.
"""

from __future__ import annotations

import ctypes
import errno
import grp
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from tcxo_host.errors import UnavailableError
from tcxo_host.pi.install.plan import Options, make_plan
from tcxo_host.pi.models import model_by_key
from tcxo_host.publish.phase.pin import GPIOMEM, GpioLevel
from tcxo_host.publish.phase.witness import system_bound_ns

from guest.inside.kernel_clock import Timex
from guest.inside.report import check

UNIT = "tcxo-host.service"
FOLDER = Path("/etc/systemd/system")
SAID = Path("/run/probe.log")
"""What the script inside the unit says; the console is a device that it may not have."""
HPET = (10, 228)
ADJ_FREQUENCY = 2


def install(phase: bool) -> None:
    """The generated units, with this script instead of the daemon."""
    plan = make_plan(
        Options("/bin/tcxo-host", "serial:x", phase=phase),
        model_by_key("pi4"),
        "/boot/config.txt",
        apparmor=False,
    )
    for file in plan.files:
        if file.path.endswith("tcxo-host-pwm.service"):
            continue  # there is no PWM
        path = Path(file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content)
    name = "phase" if phase else "plain"
    (FOLDER / f"{UNIT}.d").mkdir(exist_ok=True)
    (FOLDER / f"{UNIT}.d/probe.conf").write_text(
        "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\n"
        f"ExecStart=/usr/bin/python3.11 {Path(__file__)} {name}\nStandardOutput=append:{SAID}\n"
        f"StandardError=append:{SAID}\nEnvironment=PYTHONPATH=/project:/tests PYTHONDONTWRITEBYTECODE=1\n"
        f"Environment=LD_LIBRARY_PATH={os.environ.get('LD_LIBRARY_PATH', '')}\n"
    )


def start() -> None:
    for command in (
        ["systemctl", "daemon-reload"],
        ["systemctl", "start", UNIT],
        ["systemctl", "show", "-p", "Result,ExecMainStatus", UNIT],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(command, done.returncode, done.stdout, done.stderr, flush=True)
    print(SAID.read_text() if SAID.exists() else "the unit said nothing", flush=True)
    SAID.unlink(missing_ok=True)


def adjtimex(modes: int) -> int:
    """0, or the errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.adjtimex(ctypes.byref(Timex(modes=modes))) >= 0 else ctypes.get_errno()


def it_reads_the_clocks_bound_and_sets_nothing() -> None:
    assert os.getuid() != 0
    assert adjtimex(0) == 0
    system_bound_ns()
    assert adjtimex(ADJ_FREQUENCY) == errno.EPERM
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns())
    except PermissionError:
        return
    raise AssertionError("it set the clock")


def it_reads_the_pins_register() -> None:
    level = GpioLevel(12)
    assert level.level() in (0, 1)
    level.close()
    try:
        os.close(os.open(GPIOMEM, os.O_RDWR))
    except PermissionError:
        return
    raise AssertionError("it may write to the pins' registers")


def without_the_drop_in_neither() -> None:
    assert adjtimex(0) == errno.EPERM
    assert system_bound_ns() is None  # and the service lives on
    try:
        GpioLevel(12)
    except UnavailableError as error:
        assert "may not be read" in str(error), error
    else:
        raise AssertionError("it read the pins without the drop-in")


def make_pins() -> None:
    """The device with the owner and mode that Raspberry Pi OS's udev rule gives it; the user and groups are there."""
    subprocess.run(["systemd-sysusers", "/etc/sysusers.d/tcxo-host.conf"], check=True)
    os.mknod(GPIOMEM, stat.S_IFCHR, os.makedev(*HPET))
    os.chown(GPIOMEM, 0, grp.getgrnam("gpio").gr_gid)
    os.chmod(GPIOMEM, 0o660)


def main() -> None:
    """As root, started by systemd: the unit without the drop-in for phase, then with it."""
    install(phase=False)
    make_pins()
    start()
    install(phase=True)
    start()
    print("GUEST-DONE 0", flush=True)
    subprocess.run(["/bin/busybox", "poweroff", "-f"], check=False)


if __name__ == "__main__":
    if sys.argv[1:] == ["phase"]:
        check("unit-clock", it_reads_the_clocks_bound_and_sets_nothing)
        check("unit-pin", it_reads_the_pins_register)
    elif sys.argv[1:] == ["plain"]:
        check("unit-plain", without_the_drop_in_neither)
    else:
        main()
