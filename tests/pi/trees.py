"""Trees of files as Raspberry Pis show them; ``python tests/pi/trees.py`` writes them to tests/data.

Shapes and device names follow the kernel's device trees and what a real bcm2835 PWM driver shows;
nothing here was copied from a running Pi.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"

Content = str | bytes


class Link(str):
    """A symbolic link's target."""


Tree = dict[str, Content | Link]


def write_tree(base: Path, tree: Tree) -> Path:
    """Write ``tree`` below ``base``, which must be new or empty."""
    for name, content in tree.items():
        path = base / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return base


def read_tree(base: Path) -> Tree:
    """The inverse of ``write_tree``."""
    tree: Tree = {}
    for folder, names, files in os.walk(base):
        for name in names + files:
            path = Path(folder, name)
            key = "/" + str(path.relative_to(base))
            if path.is_symlink():
                tree[key] = Link(os.readlink(path))
            elif path.is_file():
                tree[key] = path.read_bytes()
    return tree


def machine(model: str, compatible: str, kernel: str) -> Tree:
    """What every Pi has."""
    return {
        "/proc/device-tree/model": model.encode() + b"\0",
        "/proc/device-tree/compatible": compatible.replace(" ", "\0").encode() + b"\0",
        "/proc/sys/kernel/osrelease": kernel + "\n",
    }


def pwm_chip(
    device: str, number: int = 0, npwm: int = 2, channels: dict[int, tuple[int, int, int]] | None = None
) -> Tree:
    """A PWM chip in sysfs. ``device``: its path below /sys/devices; ``channels``: (period, duty, enable)."""
    name = f"pwmchip{number}"
    base = f"/sys/devices/{device}/pwm/{name}"
    tree: Tree = {
        f"/sys/class/pwm/{name}": Link(f"../../devices/{device}/pwm/{name}"),
        f"{base}/device": Link(f"../../../{device.rpartition('/')[2]}"),
        f"{base}/npwm": f"{npwm}\n",
        f"{base}/export": "",
        f"{base}/unexport": "",
    }
    for channel, (period, duty, enable) in (channels or {}).items():
        values = {"period": period, "duty_cycle": duty, "enable": enable, "polarity": "normal"}
        for key, value in values.items():
            tree[f"{base}/pwm{channel}/{key}"] = f"{value}\n"
    return tree


def pwm_clock(hz: int) -> Tree:
    """The running device tree's PWM node with the overlay's clock."""
    node = "/proc/device-tree/soc/pwm@7e20c000"
    return {
        f"{node}/compatible": b"brcm,bcm2835-pwm\0",
        f"{node}/assigned-clock-rates": hz.to_bytes(4, "big"),
        f"{node}/status": b"okay\0",
    }


SQUARE_50_HZ = (20_000_000, 10_000_000, 1)
PI_ZERO = machine("Raspberry Pi Zero W Rev 1.1", "raspberrypi,model-zero-w brcm,bcm2835", "6.1.21+")
PI2 = machine("Raspberry Pi 2 Model B Rev 1.1", "raspberrypi,2-model-b brcm,bcm2836", "6.6.31+rpt-rpi-v7")
PI3 = machine("Raspberry Pi 3 Model B Rev 1.2", "raspberrypi,3-model-b brcm,bcm2837", "6.6.31+rpt-rpi-v8")
PI4 = machine("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b brcm,bcm2711", "6.6.31+rpt-rpi-v8")
CM4 = machine(
    "Raspberry Pi Compute Module 4 Rev 1.1", "raspberrypi,4-compute-module brcm,bcm2711", "6.12.25+rpt-rpi-v8"
)
PI5 = machine("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b brcm,bcm2712", "6.12.25+rpt-rpi-2712")

PWM_BY_SOC = {
    "bcm2835": "platform/soc/2020c000.pwm",
    "bcm2836": "platform/soc/3f20c000.pwm",
    "bcm2837": "platform/soc/3f20c000.pwm",
    "bcm2711": "platform/soc/fe20c000.pwm",
    "bcm2712": "platform/axi/1000120000.pcie/1f00098000.pwm",
}


def rp1_pwm(number: int = 0, channels: dict[int, tuple[int, int, int]] | None = None) -> Tree:
    """RP1's header PWM, beside the fan's, whose chip number may come first."""
    fan = pwm_chip("platform/axi/1000120000.pcie/1f0009c000.pwm", 2 - number, 4)
    return fan | pwm_chip(PWM_BY_SOC["bcm2712"], number, 4, channels)


TREES: dict[str, Tree] = {}


def write_all(data: Path = DATA) -> None:
    """Replace every tree of ``TREES`` below ``data``."""
    for name, tree in TREES.items():
        shutil.rmtree(data / name, ignore_errors=True)
        write_tree(data / name, tree)


if __name__ == "__main__":
    write_all()
