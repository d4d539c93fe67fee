"""What systemd hears, through real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tcxo_host.systemd_notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path):
    """A service manager's socket, and the value of NOTIFY_SOCKET that names it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        if request.param == "path":
            address = str(tmp_path / "notify")
            server.bind(address)
        else:
            address = f"@tcxo-test-{os.getpid()}"
            server.bind("\0" + address[1:])
        server.settimeout(5)
        yield server, address


def test_a_service_life(manager) -> None:
    server, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
    notifier.ready()
    notifier.watchdog()
    notifier.status("track, -0.123456 ppm")
    notifier.status("track, -0.123456 ppm")
    notifier.status("hold:\nno GPS")
    notifier.stopping()
    heard = [server.recv(1000).decode() for _ in range(5)]
    assert heard == [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=track, -0.123456 ppm",
        "STATUS=hold: no GPS",
        "STOPPING=1",
    ]
    assert notifier.watchdog_s == 30


def test_no_manager_no_watchdog_another_process() -> None:
    Notifier({}).ready()
    assert Notifier({}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": str(os.getpid() + 1)}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 2


def test_a_manager_that_went_away_or_does_not_read_stalls_nothing(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "full"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "full"), "WATCHDOG_USEC": "1"})
        for _ in range(10_000):  # far more than a socket's queue holds
            notifier.watchdog()
