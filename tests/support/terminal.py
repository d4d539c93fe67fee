"""A command on a real terminal of a given size, and what a person would see there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

ENTER, LEAVE, CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


def controlled():
    """In the child: the terminal on stdin is this session's, so that its keys make signals."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A command on a terminal of ``columns`` and ``lines``; what a person would see is ``shown()``."""

    def __init__(self, command, columns=80, lines=24):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.resize(columns, lines)
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            list(map(str, command)), stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env=environment | {"TERM": "xterm-256color"}, start_new_session=True, preexec_fn=controlled,
        )  # fmt: skip

    def resize(self, columns, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._pyte = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._pyte)

    def shown(self):
        return [row.rstrip() for row in self._pyte.display]

    def until(self, condition):
        """Read until ``condition(self)`` holds."""
        deadline = time.monotonic() + 60
        while not condition(self):
            if select.select([self.master], [], [], 0.1)[0]:
                data = os.read(self.master, 65536)
                self.seen += data
                self._stream.feed(data)
            assert time.monotonic() < deadline, "\n".join(self.shown())

    def until_shown(self, text):
        self.until(lambda it: any(text in row for row in it.shown()))

    def press(self, keys):
        os.write(self.master, keys)

    def close(self):
        self.process.kill()
        self.process.wait()
        for each in (self.master, self.slave):
            if each is not None:
                os.close(each)
