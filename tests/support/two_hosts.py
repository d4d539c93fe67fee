"""Two network hosts of a test's own: namespaces joined by a veth pair; gone with their processes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

__all__ = ["INTERFACES", "TwoHosts"]

_SCRIPT = """
set -e
ip link set lo up
ip link add tcxoa type veth peer name tcxob netns $1
ip addr add 198.51.100.1/24 dev tcxoa
ip link set tcxoa up
nsenter -t $1 -n ip addr add 198.51.100.2/24 dev tcxob
nsenter -t $1 -n ip link set tcxob up
"""


INTERFACES = {"server": "tcxoa", "client": "tcxob"}


class TwoHosts:
    """``server`` has the interface tcxoa, ``client`` tcxob. The kernel is one: so is the clock.

    Real hosts have clocks and cables of their own; here nothing but the packets is real.
    """

    def __init__(self) -> None:
        self._holders = {
            name: subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) for name in INTERFACES
        }
        self._programs: list[subprocess.Popen[str]] = []
        own = os.readlink("/proc/self/ns/net")
        for holder in self._holders.values():
            while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
                assert holder.poll() is None, "no network namespace can be made here"
                time.sleep(0.01)
        self._run("server", "sh", "-c", _SCRIPT, "sh", str(self._holders["client"].pid))

    def start(self, host: str, *command: str, log: Path) -> subprocess.Popen[str]:
        """A program on that host."""
        with open(log, "w") as output:
            made = subprocess.Popen(self.on(host, *command), stdout=output, stderr=output, text=True)
        self._programs.append(made)
        return made

    def on(self, host: str, *command: str) -> list[str]:
        """The command line that runs ``command`` there."""
        return ["nsenter", "-t", str(self._holders[host].pid), "-n", *command]

    def _run(self, host: str, *command: str) -> None:
        subprocess.run(self.on(host, *command), check=True)

    def close(self) -> None:
        """End what runs; the kernel takes the interfaces away."""
        for each in [*self._programs, *self._holders.values()]:
            each.kill()
            each.wait()
