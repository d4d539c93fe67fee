"""The service's unit under a real systemd: what its hardening leaves to the daemon, with and without phase."""

from __future__ import annotations

import pytest

from .image import worth_keeping
from .machine import Reports, build_image, run_qemu
from .test_x86_product import NUMPY

SYSTEMD = [
    *("systemd", "libsystemd0", "libsystemd-shared", "libacl1", "libapparmor1", "libaudit1", "libblkid1"),
    *(
        "libcap2",
        "libcap-ng0",
        "libgcrypt20",
        "libgpg-error0",
        "libip4tc2",
        "libkmod2",
        "liblz4-1",
        "libmount1",
    ),
    *("libpam0g", "libpcre2-8-0", "libseccomp2", "libselinux1", "libzstd1"),
]


def of_systemd_too(name: str) -> bool:
    """As ``worth_keeping``, with systemd itself and its libraries, but none of its units."""
    if "systemd" in name.split("/"):
        return name in ("lib/systemd", "lib/systemd/systemd") or name.endswith(("-linux-gnu/systemd", ".so"))
    return worth_keeping(name)


@pytest.fixture(scope="module")
def machine() -> Reports:
    """One boot for all checks."""
    packages = [*SYSTEMD, *NUMPY, "python3-construct", "python3-serial", "python3-smbus2"]
    kernel, image, _ = build_image("amd64", "x86_unit.py", [], packages, of_systemd_too)
    return run_qemu(
        [
            *("qemu-system-x86_64", "-M", "q35,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "max"),
            *("-smp", "2", "-m", "768", "-kernel", str(kernel), "-initrd", str(image)),
            *("-append", "console=ttyS0,115200 rdinit=/init panic=-1 loglevel=4 mitigations=off"
              " systemd.show_status=false tsc=reliable script=x86_unit.py"),
            *("-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio"),
        ]
    )  # fmt: skip


@pytest.mark.needs("qemu-system-x86_64", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("name", ["unit-plain", "unit-clock", "unit-pin"])
def test_the_unit_lets_the_daemon_do_what_it_needs_and_no_more(machine: Reports, name: str) -> None:
    machine.check(name)
