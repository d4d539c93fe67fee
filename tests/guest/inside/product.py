"""The installed product in a machine: chrony's configuration as ``install`` makes it, the daemon on its serial line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tcxo_host.config import paths
from tcxo_host.pi.install.plan import Options, make_plan
from tcxo_host.pi.models import model_by_key

__all__ = ["install", "line_is_open", "published_ppm", "start_daemon"]

LINK = """[link]
url = "serial:/dev/ttyS1"
[output]
path = "/run/tcxo"
status = "/run/tcxo-host/status.json"
"""


def install(chrony: str, settings: str = "") -> None:
    """The generated chrony lines and ``chrony``, the daemon's ``settings`` beside ``LINK``, and what tmpfiles makes."""
    plan = make_plan(
        Options("/bin/tcxo-host", "serial:x"), model_by_key("pi4"), "/boot/config.txt", apparmor=False
    )
    ours = next(file for file in plan.files if file.path.startswith("/etc/chrony"))
    Path("/etc/chrony").mkdir(parents=True, exist_ok=True)
    Path("/etc/chrony/chrony.conf").write_text(
        f"{ours.content}\nuser root\nport 0\ncmdport 0\npidfile /run/chronyd.pid\n{chrony}\n"
    )
    Path(paths.CONFIG).write_text(settings + LINK)
    Path("/run/tcxo-host").mkdir()
    Path(paths.OUTPUT).symlink_to(paths.REAL_OUTPUT)


def start_daemon(log: IO[bytes]) -> subprocess.Popen[bytes]:
    """As its unit runs it; what it says goes to ``log``."""
    return subprocess.Popen([sys.executable, "-m", "tcxo_host", "run", "--config", paths.CONFIG], stderr=log)


def line_is_open(daemon: subprocess.Popen[bytes]) -> bool:
    """Whether it has opened the board's line."""
    assert daemon.poll() is None, f"the daemon ended with status {daemon.returncode}"
    for path in Path("/proc", str(daemon.pid), "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(path) == "/dev/ttyS1":
                return True
    return False


def published_ppm() -> float | None:
    """What chronyd finds, or None before the first value."""
    try:
        return float(Path(paths.OUTPUT).read_text())
    except FileNotFoundError:
        return None
