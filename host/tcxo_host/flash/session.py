"""A board on a serial port, spoken to through mpremote's transport: look, compare, copy, reset."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import Identify, ProtocolError, parse_payload

from ..errors import DataError, LinkError, OutputError
from .files import BoardFile, other_form

__all__ = ["BoardGone", "BoardState", "Plan", "Session", "find_port", "wait_for_identify"]

# MicroPython's own USB ids, and ST's for boards that keep those.
_USB_VENDORS = (0xF055, 0x0483)

_LOOK = """
import sys, os
d = os.getcwd()
v = os.statvfs(d)
print(repr((sys.implementation._machine, sys.version, d, v[0], v[0] * v[3])))
"""

_FLASH = "/flash"  # where the stm32 port mounts its flash, and what is then its working directory (main.c)
_CARD = "/sd"

_ATTEMPTS = 2
_PROMPT_PATIENCE_S = 5

Progress = Callable[[str, int, int], None]
"""Called with path, bytes written and size."""


class BoardGone(LinkError):
    """The port vanished while it was open."""


@dataclass(frozen=True, slots=True)
class BoardState:
    """What is on the port. ``free_bytes`` and ``block_bytes`` are of the file system of its working ``folder``,
    from which it starts ``main.py``."""

    machine: str
    version: str
    folder: str
    block_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``write``: files that are missing or differ; ``remove``: files that would shadow them.

    ``has_modules``: whether any of the application's modules is in the board's file system, whichever version. A board
    that runs without has them frozen into its MicroPython.
    """

    write: tuple[BoardFile, ...]
    remove: tuple[str, ...]
    has_modules: bool

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)


def find_port() -> str:
    """The one serial port that looks like a MicroPython board. Raises LinkError for none or several."""
    ports = [port.device for port in list_ports.comports() if port.vid in _USB_VENDORS]
    if not ports:
        raise LinkError("no board found on USB: plug it in, or name its port with --port")
    if len(ports) > 1:
        raise LinkError(f"several boards found: choose one with --port, of {', '.join(sorted(ports))}")
    return ports[0]


class Session:
    """An open raw REPL on ``port``. Use as a context manager.

    The REPL is entered without a soft reset: that would end the timer that feeds the board's watchdog
    while its main program is interrupted. Raises LinkError where the port cannot be had, DataError where
    no MicroPython answers.
    """

    def __init__(self, port: str) -> None:
        self.port = port
        _check_access(port)
        with _as_link_errors(port):
            self._transport: Any = SerialTransport(port, timeout=5)
        for attempt in range(_ATTEMPTS):
            try:
                # mpremote prints what it got instead of a prompt.
                with contextlib.redirect_stdout(io.StringIO()):
                    self._transport.enter_raw_repl(soft_reset=False, timeout_overall=_PROMPT_PATIENCE_S)
                break
            except (TransportError, OSError):
                # A board that is just starting does not hear the first Ctrl-C.
                if attempt + 1 == _ATTEMPTS:
                    self._transport.close()
                    raise DataError(
                        f"{port} does not answer like MicroPython: install its firmware first,"
                        " or choose another --port"
                    ) from None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(TransportError, OSError):
            self._transport.close()

    def look(self) -> BoardState:
        """Which board this is, and its free space."""
        with _as_link_errors(self.port):
            # Evaluated by mpremote's own reader of the board's answer.
            told = self._transport.exec(_LOOK)
        return BoardState(*_literal(told))

    def check_folder(self, state: BoardState) -> None:
        """Raises DataError for a board that did not start from its own flash: what is put there would not run."""
        if state.folder == _CARD:
            raise DataError(
                "the board started from the SD card in its slot, not from its flash: take the card out, or put an"
                " empty file SKIPSD into /flash, restart the board and run this again"
            )
        if state.folder != _FLASH:
            raise DataError(
                f"the board works in {state.folder}, not in its flash ({_FLASH}): restart it; if that does not help,"
                " its file system is damaged: install MicroPython anew"
            )

    def plan(self, files: list[BoardFile]) -> Plan:
        """Compare by hash what is there with ``files``."""
        write, remove, has_modules = [], [], False
        with _as_link_errors(self.port):
            for file in files:
                there = self._hash(file.path)
                if there != hashlib.sha256(file.data).digest():
                    write.append(file)
                has_modules |= there is not None and other_form(file.path) is not None
                other = other_form(file.path)
                if other is not None and self._transport.fs_exists(other):
                    remove.append(other)
        return Plan(tuple(write), tuple(remove), has_modules or bool(remove))

    def check_space(self, plan: Plan, state: BoardState) -> None:
        """Raises OutputError when ``plan`` does not fit the board's file system."""
        block = max(state.block_bytes, 1)
        needed = sum((len(file.data) + 2 * block - 1) // block * block for file in plan.write)
        freed = 0
        with _as_link_errors(self.port):
            for path in [file.path for file in plan.write] + list(plan.remove):
                if self._transport.fs_exists(path):
                    freed += (self._transport.fs_stat(path).st_size + block - 1) // block * block
        if needed > state.free_bytes + freed:
            raise OutputError(
                f"the board's file system has {(state.free_bytes + freed) // 1024} KiB for"
                f" {(needed + 1023) // 1024} KiB: remove files from it, or use --mpy"
            )

    def carry_out(self, plan: Plan, main: BoardFile, progress: Progress) -> None:
        """Write and remove. ``main`` (main.py) goes first of all off the board, and on again last: what a
        break in between leaves does not run. Raises OutputError when the file system is full after all.
        """
        with _as_link_errors(self.port):
            self._remove("main.py")
            for path in plan.remove:
                self._remove(path)
            for file in [*(f for f in plan.write if f.path != main.path), main]:
                self._write(file, progress)

    def reset(self) -> None:
        """Restart the board; it is gone from the port before it can answer."""
        with contextlib.suppress(TransportError, OSError):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()\n")

    def ask(self, code: str) -> Any:
        """Run ``code``, which prints one literal; its value. Raises DataError where it raises on the board."""
        with _as_link_errors(self.port):
            try:
                return _literal(self._transport.exec(code))
            except TransportExecError as error:
                raise DataError(
                    f"the board on {self.port}: {error.error_output.strip().splitlines()[-1]}"
                ) from None

    def start(self, code: str) -> None:
        """Run ``code`` without waiting for its end; ``read`` gives what it sends."""
        with _as_link_errors(self.port):
            self._transport.exec_raw_no_follow(code)

    def read(self) -> bytes:
        """What the board sent since the last call, or within some tenths of a second. Raises BoardGone."""
        line = self._transport.serial
        try:
            line.timeout = 0.2
            data: bytes = line.read(max(1, line.in_waiting))
        except OSError as error:  # a SerialException is one
            raise BoardGone(
                f"the board on {self.port} went away ({error}): unplugged, or restarted by its watchdog;"
                " plugged in again it starts its own firmware"
            ) from None
        return data

    def interrupt(self) -> None:
        """Ctrl-C for what ``start`` started, which may have ended already."""
        with contextlib.suppress(OSError):
            self._transport.serial.write(b"\r\x03")

    def _write(self, file: BoardFile, progress: Progress) -> None:
        folder = ""
        for part in file.path.split("/")[:-1]:
            folder += part
            if not self._transport.fs_exists(folder):
                self._transport.fs_mkdir(folder)
            folder += "/"
        try:
            self._transport.fs_writefile(
                file.path, file.data, progress_callback=lambda done, size: progress(file.path, done, size)
            )
        except OSError as error:
            raise OutputError(f"the board cannot store {file.path}: {error.strerror or error}") from None
        if self._hash(file.path) != hashlib.sha256(file.data).digest():
            raise OutputError(f"{file.path} arrived damaged on the board: try again, with another cable")

    def _hash(self, path: str) -> bytes | None:
        try:
            digest: bytes = self._transport.fs_hashfile(path, "sha256")
        except OSError:
            return None
        return digest

    def _remove(self, path: str) -> None:
        if self._transport.fs_exists(path):
            self._transport.fs_rmfile(path)


def wait_for_identify(port: str, patience_s: float = 15) -> Identify:
    """The identify record of the board that is starting on ``port``.

    Raises LinkError when none comes in time, DataError when it speaks another protocol version.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            with serial.Serial(port, timeout=0.2, exclusive=True) as line:
                decoder = FrameDecoder()
                while time.monotonic() < deadline:
                    line.write(b"id\n")
                    for frame in decoder.feed(line.read(4096)):
                        for record in parse_payload(frame.payload):
                            if isinstance(record, Identify):
                                return record
        except OSError:
            time.sleep(0.2)  # the port is on its way back
        except ProtocolError as error:
            raise DataError(str(error)) from None
    raise LinkError(f"no identify from {port} within {patience_s:.0f} s after the reset: look at its REPL")


def _literal(told: bytes) -> Any:
    import ast

    return ast.literal_eval(told.decode().strip())


def _check_access(port: str) -> None:
    """Say why a port cannot be opened, which mpremote does not."""
    try:
        serial.Serial(port, exclusive=True).close()
    except (OSError, ValueError) as error:
        text, number = str(error), getattr(error, "errno", None)
        if "exclusively lock" in text or number == errno.EBUSY:
            raise LinkError(
                f"{port} is in use by another program: stop it first (systemctl stop tcxo-host)"
            ) from None
        if number == errno.ENOENT:
            raise LinkError(f"no port {port}: is the board plugged in?") from None
        if number in (errno.EACCES, errno.EPERM):
            raise LinkError(f"no access to {port}: join its group (dialout), or use sudo") from None
        raise LinkError(f"{port} cannot be opened: {text}") from None


@contextlib.contextmanager
def _as_link_errors(port: str) -> Iterator[None]:
    try:
        yield
    except (TransportError, serial.SerialException) as error:
        raise LinkError(f"the board on {port} stopped answering ({error}): unplug it and try again") from None
