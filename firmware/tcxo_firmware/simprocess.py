"""The process of a simulated board: the real device files in a MicroPython VM, with pipes for its input and output."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import numpy as np

from . import BOARDS_DIR, DEVICE_DIR
from .simi2c import SimI2CBus

__all__ = ["EVENT", "Kind", "SimBoardError", "SimProcess", "find_vm"]

_SIM_DIR = Path(__file__).parent / "sim"

# As in sim/world.py, which this module cannot import: it runs in the other VM.
EVENT = np.dtype([("kind", "u1"), ("tick", "<u8"), ("value", "<i4")])


class Kind:
    """Kinds of events; 1 to 4 are edges on that timer channel."""

    ADVANCE = 0
    CONNECTED = 8
    MCU_CDEG = 9
    EXTERNAL_CDEG = 10
    SUPPLY_MV = 11
    STALLED = 12
    CRASH = 13
    HANG = 14
    CLOCK = 15


_MOST_LAST_WORDS = 2000


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


class SimProcess:
    """One start of the board, from power on or reset until ``kill`` or its own end.

    ``to_vm`` and ``from_vm`` are the two ends of its USB port, ``i2c`` its bus. ``directory`` is where it runs
    and keeps what it prints on standard error.
    """

    def __init__(
        self,
        command: list[str],
        directory: Path,
        board: str,
        *,
        tick_hz: int,
        start_tick: int,
        boot_id: int,
        reset_cause: int,
        i2c_hold_ms: int,
    ) -> None:
        feed_read, self._feed = os.pipe()
        in_read, self.to_vm = os.pipe()
        self.from_vm, out_write = os.pipe()
        control_read, self._to_control = os.pipe()
        i2c_read, i2c_request = os.pipe()
        i2c_answer, i2c_write = os.pipe()
        for fd in (feed_read, in_read, control_read, self.from_vm, i2c_read):
            os.set_blocking(fd, False)
        vm_fds = (feed_read, control_read, i2c_read, i2c_write)
        arguments = (tick_hz, start_tick, boot_id & 0xFFFFFFFF, reset_cause, i2c_hold_ms, *vm_fds)
        self._feed_lock = threading.Lock()
        self._killed = False
        self._last_output = b""
        self._log_path = directory / "stderr"
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(_SIM_DIR / "run.py"), *map(str, arguments)],
                stdin=in_read,
                stdout=out_write,
                stderr=log,
                pass_fds=vm_fds,
                cwd=directory,
                env=_environment(command, board),
            )
        for fd in (in_read, out_write, *vm_fds):
            os.close(fd)
        self.i2c = SimI2CBus(i2c_request, i2c_answer)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._feed, fcntl.F_SETPIPE_SZ, 65536)

    def kill(self) -> None:
        """End it, as a power cut does."""
        self._process.kill()
        self._process.wait()
        with self._feed_lock:
            self._killed = True
            for fd in (self._feed, self._to_control, self.to_vm, self.from_vm):
                os.close(fd)
        self.i2c.close()

    def send(self, events: bytes) -> None:
        """Events in the order of time; waits where the board has not come so far. Raises SimBoardError."""
        with self._feed_lock:
            if self._killed:
                raise SimBoardError("the simulated board is switched off")
            view = memoryview(events)
            try:
                while view:
                    # Whole pipe buffers: an event is never torn by another thread's.
                    view = view[os.write(self._feed, view) :]
            except BrokenPipeError:
                raise SimBoardError(f"the simulated board ended: {self._last_words()}") from None

    def control(self, kind: int, value: int) -> None:
        """An event that overtakes those sent: that pipe may be full until the line moves on."""
        if self._killed:
            return
        with contextlib.suppress(OSError):
            os.write(self._to_control, np.array([(kind, 0, value)], dtype=EVENT).tobytes())

    def read(self, most: int) -> bytes:
        """Bytes that the board sends on its USB port."""
        data = os.read(self.from_vm, most)
        self._last_output = (self._last_output + data)[-_MOST_LAST_WORDS:]
        return data

    def check_alive(self) -> None:
        """Raises SimBoardError when it ended by itself."""
        if self._process.poll() is not None:
            raise SimBoardError(f"the simulated board ended: {self._last_words()}")

    def wait_ended(self, patience_s: float) -> int:
        """Wait for it to end by itself; its exit status. Raises subprocess.TimeoutExpired."""
        return self._process.wait(patience_s)

    def _last_words(self) -> str:
        """MicroPython prints an uncaught exception on standard output, CPython on standard error."""
        text = self._log_path.read_text(errors="replace").strip()
        told = self._last_output.decode(errors="replace")
        return text[-_MOST_LAST_WORDS:] or told[told.find("Traceback") :].strip() or "no message"


def _environment(command: list[str], board: str) -> dict[str, str]:
    """Where the VM finds the device files, the board's own and the stand-ins."""
    paths = [str(DEVICE_DIR), str(BOARDS_DIR / board), str(_SIM_DIR)]
    if "micropython" in Path(command[0]).name:
        return {**os.environ, "MICROPYPATH": ":".join(paths)}
    paths.append(str(_SIM_DIR / "cpython"))
    return {**os.environ, "PYTHONPATH": ":".join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
