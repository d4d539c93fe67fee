"""Boot a Debian kernel under QEMU with the project inside; collect the lines its script reports."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from pathlib import Path

from .debian import CACHE, ROOT, RUNTIME, Fetcher
from .image import Cpio, modules, without_node, worth_keeping

HANG_S = 900.0
"""Many times what the slowest guest needs on an idle machine: a guard against a hang, no time limit."""
KERNEL_PARTS = {
    "arm64": (
        "boot/vmlinuz-*",
        "*/bcm2837-rpi-3-b.dtb",
        "*/drivers/pwm/*.ko",
        "*/drivers/watchdog/bcm2835_wdt.ko",
    ),
    "amd64": ("boot/vmlinuz-*", "*/drivers/i2c/*.ko"),
}
"""What of a kernel package a guest needs: image, device tree, modules with what they depend on."""


def build_image(
    architecture: str,
    script: str,
    wanted_modules: Sequence[str],
    packages: Sequence[str] = (),
    keep: Callable[[str], bool] = worth_keeping,
) -> tuple[Path, Path, Path]:
    """(kernel, initial file system, kernel package's folder) for a guest that runs ``inside/script``."""
    fetcher = Fetcher(architecture)
    kernel = fetcher.unpacked("kernel", [fetcher.kernel_package()], only=KERNEL_PARTS[architecture])
    runtime = fetcher.unpacked(f"root-{script.partition('.')[0]}", [*RUNTIME, *packages])
    archive = Cpio()
    archive.add("init", stat.S_IFREG | 0o755, (Path(__file__).parent / "inside/init").read_bytes())
    for name in ("bin/busybox", "usr/bin/busybox"):
        if (runtime / name).exists():
            archive.add("bin/busybox", stat.S_IFREG | 0o755, (runtime / name).read_bytes())
    archive.add_tree(runtime, keep=keep)
    order = modules(kernel, wanted_modules)
    for path in order:
        archive.add(f"modules/{path.name}", stat.S_IFREG | 0o644, path.read_bytes())
    listing = "".join(f"{path.name}\n" for path in order)
    archive.add("modules/order", stat.S_IFREG | 0o644, listing.encode())
    for folder in ("host/tcxo_host", "protocol/tcxo_protocol", "tests/support", "tests/guest/inside"):
        at = f"project/{Path(folder).name}" if not folder.startswith("tests") else folder
        archive.add_tree(ROOT / folder, at, keep=lambda name: "__pycache__" not in name)
    _add_from_environment(archive)
    image = CACHE / architecture / f"{script}.cpio"
    image.write_bytes(archive.finish())
    return next((kernel / "boot").glob("vmlinuz-*")), image, kernel


def _add_from_environment(archive: Cpio) -> None:
    """What Debian does not package: cobs (its pure Python part), and our own metadata."""
    for name, keep in (("cobs", ".py"), ("tcxo-host", "METADATA")):
        for file in distribution(name).files or ():
            if file.name.endswith(keep) and ".." not in file.parts:
                data = Path(str(file.locate())).read_bytes()
                archive.add(f"project/{file}", stat.S_IFREG | 0o644, data)


def pi3_device_tree(kernel: Path) -> Path:
    """Debian's device tree of the Pi 3, with the full UART free for the console."""
    blob = next(kernel.rglob("bcm2837-rpi-3-b.dtb")).read_bytes()
    path = CACHE / "arm64" / "pi3.dtb"
    path.write_bytes(without_node(blob, "bluetooth"))
    return path


class Reports:
    """What the script inside said: one line ``REPORT name ok`` or ``REPORT name FAILED detail`` a check."""

    def __init__(self, console: str) -> None:
        self.console = console
        # UARTs may add noise before and between lines
        self.outcome = {match[1]: match[2].strip() for match in re.finditer(r"REPORT (\S+) (.*)", console)}

    def check(self, name: str) -> None:
        """Fail the test unless the check of that name was reported as ok."""
        tail = self.console[-3000:]
        assert name in self.outcome, f"the guest said nothing about {name}; its last words:\n{tail}"
        assert self.outcome[name] == "ok", f"{name}: {self.outcome[name]}"


def run_qemu(
    command: Sequence[str], limit_s: float = HANG_S, turn: Callable[[bytes], None] = lambda console: None
) -> Reports:
    """Run QEMU until the guest powers off or ``limit_s`` have passed; never judged by its exit status.

    ``turn`` is called ten times a second with what the console has said so far.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    console = bytearray()
    deadline = time.monotonic() + limit_s
    os.set_blocking(process.stdout.fileno(), False)
    try:
        while time.monotonic() < deadline and process.poll() is None:
            console += process.stdout.read() or b""
            if b"GUEST-DONE" in console:
                deadline = min(deadline, time.monotonic() + 5)
            turn(bytes(console))
            time.sleep(0.1)
        console += process.stdout.read() or b""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return Reports(console.decode("utf8", "replace"))
