"""The workers, a process for each burning core, and what they really got."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from ....errors import UnavailableError

__all__ = ["Burner"]


class Burner:
    """Starts and feeds the workers. Raises UnavailableError when one cannot be started or has ended."""

    def __init__(self, cores: frozenset[int]) -> None:
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        allowed = os.sched_getaffinity(0)
        if not cores <= allowed:
            raise UnavailableError(
                f"core {min(cores - allowed)} is not there for this process: name others with --cores"
            )
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            for core in sorted(cores):
                self._workers[core] = subprocess.Popen(
                    [sys.executable, "-m", "tcxo_host.pi.heat.live.worker", str(core)],
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    env=environment,
                    # Ctrl-C is for the controller, which ends them in order; and its autogroup is not theirs
                    start_new_session=True,
                )
        except OSError as error:
            self.close()
            raise UnavailableError(f"no worker can be started: {error.strerror}") from None

    def burn(self, shares: tuple[float, ...]) -> None:
        """Tell each worker its share; to be repeated, as a worker that hears nothing stops burning."""
        for core, worker in self._workers.items():
            share = shares[core] if core < len(shares) else 0.0
            assert worker.stdin is not None
            try:
                worker.stdin.write(b"%.4f\n" % share)
            except OSError:
                raise UnavailableError(
                    f"the worker on core {core} has ended (status {worker.poll()}): nothing burns any more"
                ) from None

    def cpu_s(self) -> dict[int, float]:
        """CPU time of each worker since its start, by core."""
        return {core: _on_cpu_s(worker.pid) for core, worker in self._workers.items()}

    def pids(self) -> dict[int, int]:
        """Process ids by core."""
        return {core: worker.pid for core, worker in self._workers.items()}

    def close(self) -> None:
        """End them all. Never raises."""
        for worker in self._workers.values():
            with contextlib.suppress(OSError):
                assert worker.stdin is not None
                worker.stdin.close()
        for worker in self._workers.values():
            try:
                worker.wait(2.0)
            except subprocess.TimeoutExpired:  # at SCHED_IDLE on a busy core it may not get to see the end
                worker.kill()
                worker.wait()
        self._workers = {}


def _on_cpu_s(pid: int) -> float:
    """Time on a CPU: schedstat counts nanoseconds, stat (where the kernel has no schedstat) hundredths."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    try:
        with open(f"/proc/{pid}/stat", encoding="utf8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0
