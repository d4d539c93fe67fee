"""What systemd hears, through real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tcxo_host.daemon.systemd import Notifier


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


def test_without_a_manager_nothing_happens() -> None:
    Notifier({}).ready()


def test_a_watchdog_that_is_off_or_meant_for_another_process_is_not_fed(manager) -> None:
    server, address = manager
    other, own = str(os.getpid() + 1), str(os.getpid())
    for environ in (
        {},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": other},
        {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": own},
    ):
        notifier = Notifier({"NOTIFY_SOCKET": address, **environ})
        notifier.watchdog()
        notifier.stopping()
    heard = [server.recv(1000).decode() for _ in range(4)]
    assert heard == ["STOPPING=1", "STOPPING=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_manager_that_went_away_or_does_not_read_stalls_nothing(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "full"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "full"), "WATCHDOG_USEC": "1"})
        for _ in range(10_000):  # far more than a socket's queue holds
            notifier.watchdog()
