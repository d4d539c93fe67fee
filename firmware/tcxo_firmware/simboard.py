"""A simulated board: the real device files in a MicroPython process, behind a pty with a stable name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import tty
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import BOARDS_DIR, DEVICE_DIR
from .simi2c import SimI2CBus

__all__ = ["SimBoard", "SimBoardError", "find_vm"]

_SIM_DIR = Path(__file__).parent / "sim"

# As in sim/world.py, which this module cannot import: it runs in the other VM.
_EVENT = np.dtype([("kind", "u1"), ("tick", "<u8"), ("value", "<i4")])
_ADVANCE, _CONNECTED, _MCU_CDEG, _EXTERNAL_CDEG, _SUPPLY_MV, _STALLED, _CRASH, _HANG = (
    0,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
)

_PWRON_RESET, HARD_RESET, WATCHDOG_RESET = 1, 2, 3  # as in sim/machine.py

_LINE_CHUNK = 4096
_LOSSY_PATIENCE_S = 0.2


class SimBoardError(RuntimeError):
    """The simulated board cannot start, or its process ended by itself."""


def find_vm() -> tuple[str, list[str]]:
    """``(description, command)`` of the VM to run device files in.

    Prefers the unix port of MicroPython of this environment (PyPI, x86-64), then ``micropython`` on PATH,
    else CPython itself with the stand-ins.
    """
    candidates = [Path(sysconfig.get_path("scripts")) / "micropython", shutil.which("micropython")]
    for candidate in candidates:
        if candidate is None or not Path(candidate).exists():
            continue
        asked = subprocess.run(
            [candidate, "-c", "import sys; print('MicroPython %d.%d.%d' % sys.implementation.version[:3])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode == 0:
            return asked.stdout.strip(), [str(candidate), "-X", "heapsize=8M"]
    return f"CPython {platform.python_version()}", [sys.executable, "-u"]


class SimBoard:
    """The device files running against a register-level timer; ``path`` is their serial port.

    Nothing but ``feed`` and ``advance`` moves the board's clocks, so it runs as fast as the machine allows
    and gives the same bytes for the same events. Ticks are absolute and start at ``start_tick`` at every
    start of the board. A reader that falls behind makes ``feed`` wait; with ``lossy`` the board sees a full
    buffer instead, as on real hardware. ``i2c`` is the same board's I2C bus; once a controller has read
    there, time waits for its next read when that is more than ``i2c_hold_ms`` of simulated time away.

    One thread may feed while another plays faults. Raises SimBoardError where the board's process is gone.
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
        self._directory = Path(tempfile.mkdtemp(prefix="tcxo-simboard-"))
        self.path = str(path) if path is not None else str(self._directory / "port")
        self.vm, self._command = vm or find_vm()
        self.tick_hz = tick_hz
        self.boot_id = boot_id
        self._board = board
        self._lossy = lossy
        self._i2c_hold_ms = 0 if lossy else i2c_hold_ms
        self._process: subprocess.Popen[bytes] | None = None
        self._master = self._watch = -1
        self._stopping = threading.Event()
        self._feed_lock = threading.Lock()
        self._line_lock = threading.RLock()
        self._host_connected = self._stalled = False
        self._backlog = b""
        self._written_at = 0.0
        self._last_output = b""
        self.tick = start_tick
        self._open_pty()
        self._start(start_tick)
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
        events = np.zeros(len(ticks), dtype=_EVENT)
        events["kind"] = channel_ids
        events["tick"] = ticks
        self.tick = int(ticks[-1])
        self._send_events(events.tobytes())

    def advance(self, tick: int) -> None:
        """Let time pass up to ``tick``."""
        self.tick = max(self.tick, int(tick))
        self._event(_ADVANCE, self.tick)

    def set_temperature(self, celsius: float) -> None:
        """What the board's external sensor and the MCU's own measure."""
        self._event(_MCU_CDEG, 0, round(celsius * 100))
        self._event(_EXTERNAL_CDEG, 0, round(celsius * 100))

    def set_supply(self, volt: float) -> None:
        """The MCU's supply."""
        self._event(_SUPPLY_MV, 0, round(volt * 1000))

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
            self._end_process()
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
        self._event(_STALLED, 0, int(stalled))

    def crash(self) -> None:
        """An exception in the middle of the main loop; the process then ends, as by machine.reset()."""
        self._event(_CRASH, 0)

    def hang(self, duration_s: float) -> None:
        """The main loop stands still for as long, with time and edges that are fed from now on.

        A watchdog that is not fed in time ends the process with status 4.
        """
        self._event(_HANG, 0, round(duration_s * 1000))

    def check_alive(self) -> None:
        """Raises SimBoardError when the board's process ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise SimBoardError(f"the simulated board ended: {self._last_words()}")

    def wait_ended(self, patience_s: float = 10) -> int:
        """Wait for the board's process to end by itself (crash, watchdog); its exit status."""
        assert self._process is not None
        return self._process.wait(patience_s)

    def stop(self) -> None:
        """End everything and remove the port. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._bridge.join()
        self._end_process()
        self._close_pty()
        shutil.rmtree(self._directory, ignore_errors=True)

    # The process.

    def _start(self, start_tick: int, reset_cause: int = _PWRON_RESET) -> None:
        feed_read, feed_write = os.pipe()
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        control_read, control_write = os.pipe()
        i2c_read, i2c_request = os.pipe()
        i2c_answer, i2c_write = os.pipe()
        for fd in (feed_read, in_read, control_read, out_read, i2c_read):
            os.set_blocking(fd, False)
        vm_fds = (feed_read, control_read, i2c_read, i2c_write)
        paths = [str(DEVICE_DIR), str(BOARDS_DIR / self._board), str(_SIM_DIR)]
        env = dict(os.environ)
        if "micropython" in Path(self._command[0]).name:
            env["MICROPYPATH"] = ":".join(paths)
        else:
            env["PYTHONPATH"] = ":".join([*paths, str(_SIM_DIR / "cpython")])
            env["PYTHONDONTWRITEBYTECODE"] = "1"
        self._log = open(self._directory / "stderr", "ab+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                *self._command,
                str(_SIM_DIR / "run.py"),
                str(self.tick_hz),
                str(start_tick),
                str(self.boot_id & 0xFFFFFFFF),
                str(reset_cause),
                str(self._i2c_hold_ms),
                *map(str, vm_fds),
            ],
            stdin=in_read,
            stdout=out_write,
            stderr=self._log,
            pass_fds=vm_fds,
            cwd=self._directory,
            env=env,
        )
        for fd in (in_read, out_write, *vm_fds):
            os.close(fd)
        self._feed, self._to_vm, self._from_vm = feed_write, in_write, out_read
        self._to_control = control_write
        self.i2c = SimI2CBus(i2c_request, i2c_answer)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._feed, fcntl.F_SETPIPE_SZ, 65536)
        self.tick = start_tick

    def _end_process(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
        for fd in (self._feed, self._to_control, self._to_vm, self._from_vm):
            os.close(fd)
        self.i2c.close()
        self._log.close()

    def _event(self, kind: int, tick: int, value: int = 0) -> None:
        self._send_events(np.array([(kind, tick, value)], dtype=_EVENT).tobytes())

    def _send_events(self, data: bytes) -> None:
        with self._feed_lock:
            view = memoryview(data)
            try:
                while view:
                    # Whole pipe buffers: an event is never torn by another thread's.
                    view = view[os.write(self._feed, view) :]
            except BrokenPipeError:
                raise SimBoardError(f"the simulated board ended: {self._last_words()}") from None

    def _last_words(self) -> str:
        """Of the process: MicroPython tells an uncaught exception on standard output, CPython on the other."""
        text = (self._directory / "stderr").read_text(errors="replace").strip()
        told = self._last_output.decode(errors="replace")
        return text[-2000:] or told[told.find("Traceback") :].strip() or "no message"

    # The line.

    def _open_pty(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        name = os.ttyname(slave)
        os.close(slave)  # from now on the master reports a hang-up for as long as nobody has it open
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
        """One round of the line: who is there, bytes down, bytes up. Returns a pause, seconds."""
        poll = select.poll()
        if not self._backlog:
            poll.register(self._from_vm, select.POLLIN)
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
                os.write(self._to_vm, os.read(self._master, _LINE_CHUNK))
        if events.get(self._from_vm, 0) & select.POLLIN:
            data = os.read(self._from_vm, _LINE_CHUNK)
            self._last_output = (self._last_output + data)[-2000:]
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
                self._control(_STALLED, int(stalled))

    def _note_connection(self, connected: bool) -> None:
        if connected != self._host_connected and self._process is not None:
            self._host_connected = connected
            self._control(_CONNECTED, int(connected))

    def _control(self, kind: int, value: int) -> None:
        # Not through the feed: that may be full until the line moves on.
        with contextlib.suppress(OSError):
            os.write(self._to_control, np.array([(kind, 0, value)], dtype=_EVENT).tobytes())
