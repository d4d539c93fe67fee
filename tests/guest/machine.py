"""Boot a Debian kernel under QEMU with the project inside; collect the lines its script reports."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from .debian import CACHE, ROOT, RUNTIME, Fetcher
from .image import Cpio, modules, without_node, worth_keeping

NEEDED = ("apt-get", "dpkg-deb")


def require(*programs: str) -> None:
    """Skip where the programs cannot be had; in CI (CI=true) a left-out guest is a failure."""
    missing = [name for name in (*NEEDED, *programs) if shutil.which(name) is None]
    if not missing:
        return
    reason = f"guest stage left out: {', '.join(missing)} not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def build_image(
    architecture: str, script: str, wanted_modules: Sequence[str], packages: Sequence[str] = ()
) -> tuple[Path, Path, Path]:
    """(kernel, initial file system, kernel package's folder) for a guest that runs ``inside/script``."""
    fetcher = Fetcher(architecture)
    kernel = fetcher.unpacked("kernel", [fetcher.kernel_package()])
    runtime = fetcher.unpacked(f"root-{script.partition('.')[0]}", [*RUNTIME, *packages])
    archive = Cpio()
    archive.add("init", stat.S_IFREG | 0o755, (Path(__file__).parent / "inside/init").read_bytes())
    for name in ("bin/busybox", "usr/bin/busybox"):
        if (runtime / name).exists():
            archive.add("bin/busybox", stat.S_IFREG | 0o755, (runtime / name).read_bytes())
    archive.add_tree(runtime, keep=worth_keeping)
    order = modules(kernel, wanted_modules)
    for path in order:
        archive.add(f"modules/{path.name}", stat.S_IFREG | 0o644, path.read_bytes())
    listing = "".join(f"{path.name}\n" for path in order)
    archive.add("modules/order", stat.S_IFREG | 0o644, listing.encode())
    for folder in ("host/tcxo_host", "protocol/tcxo_protocol", "tests/pi", "tests/guest/inside"):
        at = f"project/{Path(folder).name}" if not folder.startswith("tests") else folder
        archive.add_tree(ROOT / folder, at, keep=lambda name: "__pycache__" not in name)
    image = CACHE / architecture / f"{script}.cpio"
    image.write_bytes(archive.finish())
    return next((kernel / "boot").glob("vmlinuz-*")), image, kernel


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


def run_qemu(command: Sequence[str], limit_s: float = 240) -> Reports:
    """Run QEMU until the guest powers off or ``limit_s`` have passed; never judged by its exit status."""
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
            time.sleep(0.1)
        console += process.stdout.read() or b""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return Reports(console.decode("utf8", "replace"))
