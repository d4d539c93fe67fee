"""A simulated board: the real device files in a MicroPython process, on a pty with a stable name."""

from __future__ import annotations

import contextlib
import os
import select
import tempfile
import threading
import time
import tty
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .simprocess import EVENT, Kind, SimProcess, find_vm

__all__ = ["HARD_RESET", "WATCHDOG_RESET", "SimBoard"]

_PWRON_RESET, HARD_RESET, WATCHDOG_RESET = 1, 2, 3  # as in sim/machine.py

_LINE_CHUNK = 4096
_LOSSY_PATIENCE_S = 0.2


class SimBoard:
    """The device files running against a register-level timer; ``path`` is their serial port.

    Nothing but ``feed`` and ``advance`` moves the board's clocks, so it runs as fast as the machine allows
    and gives the same bytes for the same events. Ticks are absolute and start at ``start_tick`` at every
    start of the board. A reader that falls behind makes ``feed`` wait; with ``lossy`` the board sees a full
    buffer instead, as on real hardware. ``i2c`` is the same board's I2C bus; once a controller has read
    there, time waits for its next read when that is more than ``i2c_hold_ms`` of simulated time away.

    One thread may feed while another causes faults. Raises SimBoardError where the board's process is gone.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        boot_id: int = 1,
        tick_hz: int = 84_000_000,
        start_tick: int = 0,
        board: str = "SIM",
        lossy: bool = False,
        vm: tuple[str, list[str]] | None = None,
        i2c_hold_ms: int = 2500,
    ) -> None:
        # Not mkdtemp: this one is removed when the interpreter ends, even without a call of stop.
        self._temporary = tempfile.TemporaryDirectory(prefix="tcxo-simboard-", ignore_cleanup_errors=True)
        self._directory = Path(self._temporary.name)
        self.path = str(path) if path is not None else str(self._directory / "port")
        self.vm, self._command = vm or find_vm()
        self.tick_hz = tick_hz
        self.boot_id = boot_id
        self._board = board
        self._lossy = lossy
        self._i2c_hold_ms = 0 if lossy else i2c_hold_ms
        self._master = -1
        self._stopping = threading.Event()
        self._line_lock = threading.RLock()
        self._host_connected = self._stalled = False
        self._backlog = b""
        self._written_at = 0.0
        self.tick = start_tick
        try:
            self._open_pty()
            self._start(start_tick)
        except BaseException:
            self._close_pty()
            self._temporary.cleanup()
            raise
        self._bridge = threading.Thread(target=self._run_bridge, name="simboard-line", daemon=True)
        self._bridge.start()

    def __enter__(self) -> SimBoard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # Time, edges and surroundings.

    def feed(self, channel_ids: npt.ArrayLike, ticks: npt.ArrayLike) -> None:
        """Edges on timer channels 1..4 at absolute ticks, sorted by tick and not before ``self.tick``."""
        ticks = np.asarray(ticks, dtype=np.int64)
        if len(ticks) == 0:
            return
        if int(ticks[0]) < self.tick or bool(np.any(np.diff(ticks) < 0)):
            raise ValueError("edges must be sorted by tick and not lie in the past")
        events = np.zeros(len(ticks), dtype=EVENT)
        events["kind"] = channel_ids
        events["tick"] = ticks
        self.tick = int(ticks[-1])
        self._process.send(events.tobytes())

    def advance(self, tick: int) -> None:
        """Let time pass up to ``tick``."""
        self.tick = max(self.tick, int(tick))
        self._event(Kind.ADVANCE, self.tick)

    def set_temperature(self, celsius: float) -> None:
        """What the board's external sensor and the MCU's own measure."""
        self._event(Kind.MCU_CDEG, 0, round(celsius * 100))
        self._event(Kind.EXTERNAL_CDEG, 0, round(celsius * 100))

    def set_supply(self, volt: float) -> None:
        """The MCU's supply."""
        self._event(Kind.SUPPLY_MV, 0, round(volt * 1000))

    @property
    def connected(self) -> bool:
        """Whether a reader has the port open."""
        return self._host_connected

    # Faults.

    def unplug(self) -> None:
        """The port vanishes: an open reader gets EOF or EIO, the path is gone. The board runs on."""
        with self._line_lock:
            self._close_pty()
            self._note_connection(False)

    def replug(self) -> None:
        """A new port appears under the same path."""
        with self._line_lock:
            if self._master < 0:
                self._open_pty()

    def reboot(self, boot_id: int | None = None, start_tick: int = 0, reset_cause: int = HARD_RESET) -> None:
        """Kill the board's process and start it anew, ``boot_id`` one up unless given."""
        with self._line_lock:
            self._process.kill()
            self.boot_id = self.boot_id + 1 if boot_id is None else boot_id
            self._host_connected = self._stalled = False
            self._backlog = b""
            self._start(start_tick, reset_cause)

    def inject_noise(self, data: bytes) -> None:
        """Bytes that the reader sees between the board's own."""
        with self._line_lock:
            if self._master >= 0:
                self._backlog += data

    def stall_reader(self, stalled: bool) -> None:
        """The host stops taking bytes: from now on the board's own port buffer fills."""
        self._event(Kind.STALLED, 0, int(stalled))

    def crash(self) -> None:
        """An exception in the middle of the main loop; the process then ends, as by machine.reset()."""
        self._event(Kind.CRASH, 0)

    def external_clock(self, is_there: bool) -> None:
        """The clock module at the board's ETR pin comes or goes; at power on it is there."""
        self._event(Kind.CLOCK, 0, int(is_there))

    def hang(self, duration_s: float) -> None:
        """The main loop stands still for that long; time and edges that are fed from now on go on.

        A watchdog that is not fed in time ends the process with status 4.
        """
        self._event(Kind.HANG, 0, round(duration_s * 1000))

    def check_alive(self) -> None:
        """Raises SimBoardError when the board's process ended by itself."""
        self._process.check_alive()

    def wait_ended(self, patience_s: float = 10) -> int:
        """Wait for the board's process to end by itself (crash, watchdog); its exit status."""
        return self._process.wait_ended(patience_s)

    def stop(self) -> None:
        """End everything and remove the port. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._bridge.join()
        self._process.kill()
        self._close_pty()
        self._temporary.cleanup()

    def _start(self, start_tick: int, reset_cause: int = _PWRON_RESET) -> None:
        self._process = SimProcess(
            self._command,
            self._directory,
            self._board,
            tick_hz=self.tick_hz,
            start_tick=start_tick,
            boot_id=self.boot_id,
            reset_cause=reset_cause,
            i2c_hold_ms=self._i2c_hold_ms,
        )
        self.i2c = self._process.i2c
        self.tick = start_tick

    def _event(self, kind: int, tick: int, value: int = 0) -> None:
        self._process.send(np.array([(kind, tick, value)], dtype=EVENT).tobytes())

    # The line.

    def _open_pty(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        name = os.ttyname(slave)
        os.close(slave)  # from now on the master reports a hang-up while no reader has it open
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        os.symlink(name, self.path)

    def _close_pty(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)

    def _run_bridge(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            with self._line_lock:
                pause_s = self._turn()

    def _turn(self) -> float:
        """One round of the line: is a reader there, bytes to the board, bytes from it. Returns a pause, seconds."""
        poll = select.poll()
        if not self._backlog:
            poll.register(self._process.from_vm, select.POLLIN)
        if self._master >= 0:
            poll.register(self._master, select.POLLIN | (select.POLLOUT if self._backlog else 0))
        events = dict(poll.poll(20))
        line = events.get(self._master, 0)
        hung_up = self._master < 0 or bool(line & select.POLLHUP)
        self._note_connection(not hung_up)
        if hung_up:
            self._backlog = b""
        elif line & select.POLLIN:
            with contextlib.suppress(OSError):
                os.write(self._process.to_vm, os.read(self._master, _LINE_CHUNK))
        if events.get(self._process.from_vm, 0) & select.POLLIN:
            data = self._process.read(_LINE_CHUNK)
            if not hung_up:
                self._backlog = data
        if self._backlog:
            self._write_backlog()
        # A hung-up master is always "ready": do not spin on it.
        return 0.005 if hung_up else 0.0

    def _write_backlog(self) -> None:
        now = time.monotonic()
        try:
            self._backlog = self._backlog[os.write(self._master, self._backlog) :]
            self._written_at = now
        except OSError:
            pass  # no room now, or gone: the next turn sees which
        if self._lossy:
            stalled = bool(self._backlog) and now - self._written_at > _LOSSY_PATIENCE_S
            if stalled != self._stalled:
                self._stalled = stalled
                self._process.control(Kind.STALLED, int(stalled))

    def _note_connection(self, connected: bool) -> None:
        if connected != self._host_connected:
            self._host_connected = connected
            self._process.control(Kind.CONNECTED, int(connected))
