"""A Raspberry Pi 3 under emulation: Debian's kernel with its real PWM and PL011 drivers.

The console is on the mini UART, so that the PL011 is free for what is tested.
"""

from __future__ import annotations

import pytest

from .inside.pi3_pwm_checks import CHECKS, UART_CHECKS
from .machine import Reports, build_image, pi3_device_tree, run_qemu


@pytest.fixture(scope="module")
def pi3() -> Reports:
    """One boot for all checks."""
    kernel, image, folder = build_image("arm64", "pi3_pwm.py", ["pwm-bcm2835", "bcm2835_wdt"])
    return run_qemu(
        [
            *("qemu-system-aarch64", "-M", "raspi3b", "-accel", "tcg,thread=multi"),
            *("-kernel", str(kernel), "-dtb", str(pi3_device_tree(folder)), "-initrd", str(image)),
            *(
                "-append",
                "console=ttyS1,115200 iomem=relaxed rdinit=/init panic=-1 loglevel=4 script=pi3_pwm.py",
            ),
            *("-display", "none", "-monitor", "none", "-no-reboot", "-serial", "null", "-serial", "stdio"),
        ]
    )


@pytest.mark.needs("qemu-system-aarch64", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("name", [*CHECKS, *UART_CHECKS])
def test_pwm_on_the_real_driver(pi3: Reports, name: str) -> None:
    pi3.check(name)
