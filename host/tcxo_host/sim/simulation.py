"""A simulated board and the real daemon together: paced, faults carried out, judged against the truth."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol.json_names import boot_text
from tcxo_protocol.spec import Role

from .. import tempcomp
from ..errors import UnavailableError
from .faults import Event
from .i2c_socket import ADDRESS, BUS, BusServer
from .world import World, WorldSecond

__all__ = ["Progress", "Simulation", "merge_edges"]

CHANNEL_IDS = {Role.GPS_PPS.label: 1, Role.RTC_PPS.label: 2, Role.HOST_PWM.label: 3}
"""Timer channels of the simulated board (``boards/SIM``)."""
DAEMON_START_S = 20.0
"""Real seconds the daemon may take to open the link before the simulation is called broken."""


@dataclass(slots=True)
class Progress:
    """What a person wants to see while the simulation runs."""

    second: int
    status: dict[str, Any]
    true_ppm: float


@dataclass(slots=True)
class _Boot:
    """One life of the board: which world tick its tick zero was."""

    boot_id: int
    offset_ticks: int


@dataclass(slots=True)
class _Judged:
    """Published values against the truth."""

    errors_ppm: list[float] = field(default_factory=list)
    first_s: float | None = None
    last_ppm: float | None = None
    last_true_ppm: float | None = None
    first_edge_s: float | None = None


class Simulation:
    """One run of a world through a simulated board and a daemon of its own.

    ``output`` is the file the daemon writes, ``folder`` holds everything temporary, ``via`` is ``serial`` or ``i2c``;
    ``log`` takes what the daemon logs, instead of stderr. Use as a context manager: leaving it ends daemon and board.
    Raises UnavailableError when the daemon does not start.
    """

    def __init__(
        self,
        world: World,
        output: str,
        folder: Path,
        *,
        speed: float,
        daemon_options: list[str],
        seed: int,
        via: str = "serial",
        log: IO[str] | None = None,
    ) -> None:
        self._world = world
        self._speed = speed
        self._trace = folder / "trace.jsonl"
        self._trace.touch()
        self._status = folder / "status.json"
        self._rng = np.random.default_rng([seed, 0x51A])
        self._boots = [_Boot(self._new_boot_id(), 0)]
        self._away_until_s = {"reboot": 0.0, "unplug": 0.0}
        self._unplugged = False
        self._i2c_bus: BusServer | None = None
        with contextlib.ExitStack() as undo:  # a signal amid this must not leave a daemon behind
            self.board = SimBoard(str(folder / "board"), boot_id=self._boots[0].boot_id)
            undo.callback(self.board.stop)
            program, link = ["tcxo_host", "run"], f"serial:{folder / 'board'}"
            if via == "i2c":
                self._i2c_bus = BusServer(self.board.i2c, str(folder / "i2c"))
                undo.callback(self._i2c_bus.close)
                program = ["tcxo_host.cli.simulate.i2c", str(folder / "i2c"), str(speed)]
                link = f"i2c:{BUS}:{ADDRESS:#x}"
            options = ["--ignore-chrony", "--link", link, "--output", output, "--trace", str(self._trace)]
            command = [sys.executable, "-m", *program, *options, "--status", str(self._status)]
            self._daemon = subprocess.Popen([*command, *daemon_options], stderr=log)
            undo.callback(self._end_daemon)
            self._trace_read = self._trace.open()
            undo.callback(self._trace_read.close)
            self._undo = undo.pop_all()
        self._unfinished, self._played = "", 0
        self._judged = _Judged()
        self._cpu_start: tuple[float, int] | None = None
        self._cpu_end: tuple[float, int] | None = None

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _end_daemon(self) -> None:
        self._daemon.terminate()
        try:
            self._daemon.wait(10)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    def run(
        self,
        seconds: int,
        show: Callable[[Progress], None] = lambda progress: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Simulate ``seconds``, or until ``stopping()``; call ``show`` about once a real second; return the summary."""
        self._wait_for_daemon()
        start = shown = time.monotonic()
        self._played = 0
        for second in (self._world.step() for _ in range(seconds)):
            pause_s = start + second.index / self._speed - time.monotonic()
            if pause_s > 0:
                time.sleep(pause_s)
            if stopping():
                break
            self._play(second)
            self._judge()
            if time.monotonic() - shown >= 1.0:
                shown = time.monotonic()
                show(Progress(second.index + 1, self._read_status(), -second.truth_pi_ppm))
            self._played += 1
        self._drain(self._played)
        return self._summary()

    def _play(self, second: WorldSecond) -> None:
        """One second through the board; events happen at its start, which no pulse falls on."""
        for event in second.events:
            self._carry_out(event, second)
        if self._unplugged and second.index >= self._away_until_s["unplug"]:
            self._unplugged = False
            self.board.replug()
        if second.index < self._away_until_s["reboot"]:
            return  # the board is down: its pins see nothing
        offset = self._boots[-1].offset_ticks
        if offset < 0:  # the first second after a restart starts the new count
            boot = self._boots[-1]
            offset = boot.offset_ticks = self._tick_start
            self.board.reboot(boot_id=boot.boot_id)
            if self._i2c_bus:
                self._i2c_bus.bus = self.board.i2c
        channels, ticks = merge_edges(second, CHANNEL_IDS)
        self.board.set_temperature(second.temperature_c)
        self.board.feed(channels, ticks - offset)
        self.board.advance(second.tick_end - offset)
        self._tick_start = second.tick_end

    _tick_start = 0

    def _carry_out(self, event: Event, second: WorldSecond) -> None:
        if event.kind == "noise":
            self.board.inject_noise(self._rng.bytes(event.bytes))
        elif event.kind == "unplug":
            self.board.unplug()
            self._unplugged = True
            self._away_until_s["unplug"] = second.index + event.duration_s
        elif event.kind == "reboot":
            self._boots.append(_Boot(self._new_boot_id(), -1))
            self._away_until_s["reboot"] = second.index + event.duration_s

    def _new_boot_id(self) -> int:
        return int(self._rng.integers(1, 2**32))

    def _wait_for_daemon(self) -> None:
        deadline = time.monotonic() + DAEMON_START_S
        while not (self._i2c_bus or self.board).connected:
            if self._daemon.poll() is not None:
                raise UnavailableError(f"the daemon ended with status {self._daemon.returncode} at its start")
            if time.monotonic() > deadline:
                raise UnavailableError(f"the daemon did not open the link within {DAEMON_START_S:g} s")
            time.sleep(0.02)

    def _drain(self, seconds: int) -> None:
        """Wait until the daemon has worked off what the board sent."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < 1.0 and self._daemon.poll() is None:
            size = self._trace.stat().st_size
            if size != seen:
                seen, since = size, time.monotonic()
            self._judge()
            time.sleep(0.05)
        self._cpu_end = self._cpu(seconds)

    def _judge(self) -> None:
        """Compare the trace's new rows with the truth over the second in which chrony uses each value."""
        judged = self._judged
        for line in self._new_lines():
            row = json.loads(line)
            offsets = [boot.offset_ticks for boot in self._boots if boot_text(boot.boot_id) == row["boot_id"]]
            if not offsets:
                continue
            now_s = self._world.time_of_tick(row["tick"] + offsets[0])
            if judged.first_edge_s is None:
                judged.first_edge_s = now_s - row["time_s"]
                self._cpu_start = self._cpu(round(now_s))
            if row["published_ppm"] is None:
                continue
            centre_s = now_s + tempcomp.USED_AFTER_S
            true_ppm = row["baseline_ppm"] - self._world.pi_ppm_between(centre_s - 0.5, centre_s + 0.5)
            judged.errors_ppm.append(row["published_ppm"] - true_ppm)
            judged.last_ppm, judged.last_true_ppm = row["published_ppm"], true_ppm
            if judged.first_s is None:
                judged.first_s = row["time_s"]

    def _new_lines(self) -> Iterator[str]:
        """The trace's lines since the last call; one that is still being written waits for its end."""
        while piece := self._trace_read.readline():
            self._unfinished += piece
            if piece.endswith("\n"):
                line, self._unfinished = self._unfinished, ""
                yield line

    def _read_status(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads(self._status.read_text())
        except FileNotFoundError:
            return {}
        return status

    def _cpu(self, second: int) -> tuple[float, int] | None:
        """The daemon's CPU seconds so far (proc(5)), and the simulated second."""
        try:
            fields = Path(f"/proc/{self._daemon.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / 100, second

    def _rss_mib(self) -> float | None:
        try:
            lines = Path(f"/proc/{self._daemon.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)

    def _summary(self) -> dict[str, Any]:
        judged, status = self._judged, self._read_status()
        channels = status.get("channels", {})
        errors = np.array(judged.errors_ppm)
        cpu_s_per_h = None
        if self._cpu_start and self._cpu_end and self._cpu_end[1] > self._cpu_start[1]:
            spent_s, simulated_s = (
                end - start for start, end in zip(self._cpu_start, self._cpu_end, strict=True)
            )
            cpu_s_per_h = round(spent_s / simulated_s * 3600, 2)
        rss_mib = self._rss_mib()
        return {
            "scenario": self._world.scenario.name,
            "seconds": self._played,
            "vm": self.board.vm,
            "edges": sum(each["edges"] for each in channels.values()),
            "lost_edges": sum(each["lost"] for each in channels.values()),
            "channels": {role: {"edges": c["edges"], "lost": c["lost"]} for role, c in channels.items()},
            "bad_frames": status.get("line", {}).get("bad_frames", 0),
            "lost_frames": status.get("line", {}).get("lost_frames", 0),
            "published": len(errors),
            "first_publish_s": judged.first_s,
            "published_ppm": judged.last_ppm,
            "true_ppm": None if judged.last_true_ppm is None else round(judged.last_true_ppm, 6),
            "rms_error_ppm": round(float(np.sqrt(np.mean(errors**2))), 6) if errors.size else None,
            "worst_error_ppm": round(float(np.max(np.abs(errors))), 6) if errors.size else None,
            "state": status.get("state"),
            "reason": status.get("reason"),
            "rss_mib": None if rss_mib is None else round(rss_mib, 1),
            "cpu_s_per_h": cpu_s_per_h,
        }


def merge_edges(second: WorldSecond, channel_ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Channel ids (uint8) and ticks (int64) of a second's edges in the order in which they happen."""
    known = [(channel_ids[role], ticks) for role, ticks in second.edges.items() if role in channel_ids]
    channels = np.concatenate([np.full(ticks.size, number, np.uint8) for number, ticks in known])
    ticks = np.concatenate([ticks for _, ticks in known])
    order = np.argsort(ticks, kind="stable")
    return channels[order], ticks[order]
