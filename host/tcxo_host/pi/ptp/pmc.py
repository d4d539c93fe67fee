"""linuxptp's management client: a command to ptp4l, started without waiting, and its answer."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Sequence

__all__ = ["Pmc", "ask", "fields_of", "pmc_command"]

GIVE_UP_S = 5.0


def pmc_command(uds: str, domain: int, own_socket: str, *actions: str) -> tuple[str, ...]:
    """pmc on ptp4l's socket ``uds``; ``own_socket`` is the path that it binds for the answer."""
    socket = ("-i", own_socket) if own_socket else ()
    return ("pmc", "-u", "-b", "0", "-d", str(domain), *socket, "-s", uds, *actions)


def fields_of(text: str, name: str) -> dict[str, str] | None:
    """Names and values of the response ``name`` in pmc's output; None where it is not there or is an error."""
    found = re.search(rf"RESPONSE MANAGEMENT {name} ?\n((?:\t\t.*(?:\n|\Z))+)", text)
    if not found:
        return None
    pairs = (line.split(None, 1) for line in found[1].splitlines())
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def ask(command: Sequence[str], timeout_s: float = 2.0) -> str:
    """pmc's output; empty when it is missing or nobody answers in time."""
    if not shutil.which(command[0]):
        return ""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf8",
            errors="replace",
            timeout=timeout_s,
        )
        return done.stdout
    return ""


class Pmc:
    """One question at a time, in a process of its own; nobody waits."""

    def __init__(self) -> None:
        self._asking: subprocess.Popen[str] | None = None
        self._asked_s = 0.0

    @property
    def is_asking(self) -> bool:
        """Whether an answer is still to come."""
        return self._asking is not None

    def start(self, command: Sequence[str], now_s: float) -> str:
        """Ask; return "" or why that is not possible."""
        try:
            self._asking = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf8",
                errors="replace",
            )
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        self._asked_s = now_s
        return ""

    def answer(self, now_s: float) -> str | None:
        """pmc's output once it has ended, "" when it took too long; None before."""
        if self._asking is None:
            return None
        if self._asking.poll() is None and now_s - self._asked_s <= GIVE_UP_S:
            return None
        if self._asking.poll() is None:
            self.close()
            return ""
        text, _ = self._asking.communicate()  # ended: some hundred bytes wait in the pipe
        self._asking = None
        return text

    def close(self) -> None:
        """End a question that is still open."""
        if self._asking is not None:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None
