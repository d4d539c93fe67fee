"""A board with a file system and a REPL behind a serial port: MicroPython's unix port that restarts."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import threading
import time
import tty
from collections.abc import Sequence
from pathlib import Path

from tcxo_firmware import DEVICE_DIR
from tcxo_firmware.simi2c import SimI2CBus
from tcxo_firmware.simprocess import find_vm

from support.firmware_vms import SCRIPTS, leave_out

_SIM_DIR = DEVICE_DIR.parent / "sim"
_CONNECTED = b"\x08" + bytes(8) + b"\1\0\0\0"
_FOR_EVER = struct.pack("<BQi", 0, 1 << 60, 0)  # an event: time up to then
_BLOCK_BYTES = 4096
_REPL_START_S = 0.2
_PROMPT = b">>> "
_PROMPT_PATIENCE_S = 5.0
_RESET_STATUS = 3  # of machine.reset() in the stand-in; at a Ctrl-D the process ends with another


class FlashBoard:
    """``path`` is its serial port. The file system keeps its contents over restarts.

    ``mount_point``: where the board has it, ``/flash``, ``/sd`` with a card in its slot, "/" for none at all.
    ``frozen``: folders whose files its MicroPython has frozen in, ``main.py`` in the first.
    ``is_running``: its time passes, as fast as this machine and whoever reads its port let it; else it stands still.
    ``wire``: TIM2 channels that the self-test's output is joined to; ``fault``: a function of ``planted_faults.py``.
    ``i2c`` is the other end of its I2C bus; with ``is_i2c_read`` time waits for who reads there.
    """

    def __init__(
        self,
        directory: Path,
        *,
        blocks: int = 64,
        machine: str = "linux board",
        mount_point: str = "/flash",
        frozen: Sequence[Path] = (),
        is_running: bool = False,
        wire: Sequence[int] = (),
        fault: str = "",
        is_i2c_read: bool = False,
    ) -> None:
        name, self._command = find_vm()
        if not name.startswith("MicroPython"):
            leave_out("no MicroPython for this machine to flash")
        self._directory = directory
        self._blocks, self._machine, self._mount_point = blocks, machine, mount_point
        self._frozen = ":".join(map(str, frozen))
        self._is_running, self._wire, self._fault = is_running, ",".join(map(str, wire)), fault
        self._is_i2c_read = is_i2c_read
        self._backlog = b""
        self.starts = 0
        self._image = directory / "flash.img"
        if not self._image.exists():
            self._image.write_bytes(b"\xff" * (blocks * _BLOCK_BYTES))
        self.path = str(directory / "port")
        self._outer, slave = os.openpty()
        os.set_blocking(self._outer, False)
        tty.setraw(slave)
        os.symlink(os.ttyname(slave), self.path)
        self._outer_slave = slave  # kept open: no hang-ups between two users of the port
        self._is_raw = False
        self._stopping = threading.Event()
        self._start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> FlashBoard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.unplug()

    def reset(self) -> None:
        """What its watchdog or its reset button does: nothing of what ran has a say."""
        self._process.kill()

    def unplug(self) -> None:
        """The port vanishes, and the board has no power."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        self._end()
        os.close(self._outer)
        os.close(self._outer_slave)
        os.unlink(self.path)

    def _start(self, with_main: bool = True) -> None:
        self._inner, slave = os.openpty()
        tty.setraw(slave)
        pipes = [os.pipe() for _ in range(4)]  # feed, control, I2C in; I2C out the other way round
        (feed, feed_w), (control, control_w), (i2c_in, i2c_in_w), (i2c_out_r, i2c_out) = pipes
        vm_fds = (feed, control, i2c_in, i2c_out)
        self._kept = (feed_w, control_w)
        self.i2c = SimI2CBus(i2c_in_w, i2c_out_r)
        self.starts += 1
        if self._is_running:
            os.write(feed_w, _FOR_EVER)
        for fd in vm_fds[:3]:
            os.set_blocking(fd, False)
        os.write(control_w, _CONNECTED)
        self._process = subprocess.Popen(
            [
                *self._command,
                "-i",
                str(SCRIPTS / "flash_boot.py"),
                str(self._image),
                str(self._blocks),
                self._machine,
                self._mount_point,
                self._frozen,
                str(int(with_main)),
                self._wire,
                self._fault,
                str(int(self._is_i2c_read)),
                *map(str, vm_fds),
            ],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=vm_fds,
            env={**os.environ, "MICROPYPATH": f"{_SIM_DIR}:{SCRIPTS}"},
            cwd=self._directory,
        )
        for fd in (slave, *vm_fds):
            os.close(fd)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self.i2c.close()
        for fd in (self._inner, *self._kept):
            os.close(fd)

    def _restart(self) -> None:
        """As the port does: a soft reset from the raw REPL leads back there, without main.py."""
        with contextlib.suppress(OSError):  # EIO: that was its last
            while select.select([self._inner], [], [], 0)[0]:
                self._backlog += os.read(self._inner, 4096)
        soft = self._process.returncode not in (_RESET_STATUS, -signal.SIGKILL)
        self._end()
        self._start(with_main=not (soft and self._is_raw))
        if not soft:
            self._is_raw = False
            return
        self._backlog += b"MPY: soft reboot\r\n"
        if self._is_raw:
            time.sleep(_REPL_START_S)
            os.write(self._inner, b"\x01")

    def _run(self) -> None:
        typed, shown, hold_until = b"", b"", 0.0
        while not self._stopping.is_set():
            # A board that nobody reads waits, and can still be typed at.
            readable = [self._outer] if self._backlog else [self._outer, self._inner]
            ready, _, _ = select.select(readable, [self._outer] if self._backlog else [], [], 0.02)
            with contextlib.suppress(BlockingIOError):
                self._backlog = self._backlog[os.write(self._outer, self._backlog) :]
            if self._outer in ready:
                typed += os.read(self._outer, 4096)
            if typed and time.monotonic() >= hold_until:
                # The unix port's REPL flushes its terminal when it begins: after a Ctrl-C, wait for its prompt.
                first, interrupt, typed = typed.partition(b"\x03")
                os.write(self._inner, first + interrupt)
                for byte in first:
                    if byte in (1, 2):  # Ctrl-A and Ctrl-B: into the raw REPL, and out
                        self._is_raw = byte == 1
                if interrupt:
                    # The raw REPL answers a Ctrl-C with nothing.
                    patience_s = _REPL_START_S if self._is_raw else _PROMPT_PATIENCE_S
                    shown, hold_until = b"", time.monotonic() + patience_s
            if self._inner in ready:
                with contextlib.suppress(OSError):  # EIO: the process has ended
                    data = os.read(self._inner, 4096)
                    self._backlog += data
                    shown = shown[-len(_PROMPT) :] + data
                    if _PROMPT in shown:
                        hold_until = 0.0
            if self._process.poll() is not None:
                self._restart()
