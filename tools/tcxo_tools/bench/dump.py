"""What tcxo-dump costs on this machine: a day's capture read, analysed and replayed, and recording."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcxo_host.capture.simulated import HOST_START_NS, UTC_START_NS, simulated_entries
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.errors import UnavailableError
from tcxo_protocol.capture_file import Entry, EntryKind
from tcxo_protocol.framing import encode_frame

__all__ = ["measure"]

DAY_S = 86_400
RECORD_S = 30
WARM_UP_S = 3
_MIB = 1 << 20


def measure(seed: int = 1, seconds: int = DAY_S, record_s: int = RECORD_S) -> dict[str, Any]:
    """What the real commands need for a capture of the ``day`` scenario.

    ``*_s``: seconds of one core, ``*_wall_s``: on the clock, which other programs' work lengthens;
    ``rss_mib``: the most that any of them had resident; ``record_core_percent``: CPU of recording over
    ``record_s`` real seconds at the default rates.
    ``seconds``: length of the capture. Raises UnavailableError when a command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        capture, rows = Path(folder, "day.tcxocap"), Path(folder, "rows.csv")
        _write(capture, seed, seconds)
        commands: dict[str, tuple[object, ...]] = {
            "info": ("info", capture, "--json"),
            "stats": ("stats", capture),
            "replay_kalman": ("replay", capture, "--estimator", "kalman", "--csv", rows),
            "plot": ("plot", "channels", capture, "-o", Path(folder, "channels.png")),
        }
        costs = {name: _cost(command) for name, command in commands.items()}
        figures: dict[str, Any] = {
            "edges": json.loads(costs["info"].output)["edges"],
            "mib_per_day": round(capture.stat().st_size / _MIB * DAY_S / seconds, 2),
            "rss_mib": round(max(cost.rss_mib for cost in costs.values()), 1),
        }
        for name, cost in costs.items():
            figures |= {f"{name}_s": round(cost.cpu_s, 2), f"{name}_wall_s": round(cost.wall_s, 2)}
        figures["record_core_percent"] = round(_record_cost(Path(folder, "live.tcxocap"), seed, record_s), 2)
    return figures


def _write(path: Path, seed: int, seconds: int) -> None:
    writer = CaptureWriter(path, utc_of=lambda host_ns: host_ns - HOST_START_NS + UTC_START_NS)
    for entry in simulated_entries(f"sim:day:{seed}", seconds):
        writer.entry(entry.kind, entry.host_ns, entry.body)
    writer.close()


@dataclass(frozen=True, slots=True)
class _Cost:
    output: str
    wall_s: float
    cpu_s: float
    rss_mib: float


def _dump(*args: object) -> list[str]:
    return [sys.executable, "-m", "tcxo_host.dump.main", *map(str, args)]


# A process begins with the memory of the one that starts it (Linux counts that, too): a small one starts it.
_MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def _cost(command: tuple[object, ...]) -> _Cost:
    """One command, from its start to its end."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *_dump(*command)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UnavailableError(f"tcxo-dump {command[0]} failed with {done.returncode}")
    cpu_s, rss_mib = map(float, done.stderr.splitlines()[-1].split())
    return _Cost(done.stdout, time.monotonic() - start, cpu_s, rss_mib)


def _record_cost(path: Path, seed: int, record_s: int) -> float:
    """Percent of a core that ``record`` takes, its start left out, with a board's stream on a pty."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    process = subprocess.Popen(
        _dump("record", "--link", f"serial:{os.ttyname(slave)}", "-o", path),
        stderr=subprocess.DEVNULL,
    )
    stop = threading.Event()
    board = threading.Thread(target=_send, args=(master, seed, stop.wait), daemon=True)
    board.start()
    try:
        while not path.exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(WARM_UP_S)
        before, start = _cpu_s(process.pid), time.monotonic()
        time.sleep(record_s)
        spent_s, passed_s = _cpu_s(process.pid) - before, time.monotonic() - start
    finally:
        stop.set()
        board.join()
        process.terminate()
        process.wait()
        os.close(master)
        os.close(slave)
    if path.stat().st_size < 300 * record_s:
        raise UnavailableError("tcxo-dump record has recorded next to nothing")
    return 100 * spent_s / passed_s


def _send(line: int, seed: int, wait: Callable[[float], bool]) -> None:
    """Frames at the times a board sends them, until told to stop."""
    start = time.monotonic()
    os.write(line, b"\0")
    for sequence, entry in enumerate(_frames(seed)):
        due = start + (entry.host_ns - HOST_START_NS) / 1e9
        if wait(max(0.0, due - time.monotonic())):
            return
        os.write(line, encode_frame(sequence, entry.body))


def _frames(seed: int) -> Iterator[Entry]:
    return (each for each in simulated_entries(f"sim:day:{seed}", DAY_S) if each.kind == EntryKind.FRAME)


def _cpu_s(pid: int) -> float:
    """CPU time of a running process, by proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise UnavailableError("tcxo-dump record ended early") from None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
