"""A board to flash, in the unix port: a littlefs of its own size, main.py at start, the REPL after it.

``micropython -i flash_boot.py IMAGE BLOCKS MACHINE MOUNT FROZEN WITH_MAIN WIRE FAULT I2C FEED CONTROL I2C_IN I2C_OUT``.
Standard input and output are a raw terminal, as the board's USB port is. ``machine.reset()`` ends the process: whoever
started it starts it again.

The stm32 port (ports/stm32/main.c, extmod/vfs.c, py/runtime.c of 1.29) mounts the board's flash at ``/flash`` and makes
it the working directory, or ``/sd`` where there is a card in the slot and no ``SKIPSD`` in ``/flash``. Nothing is
mounted at "/": ``statvfs`` of it gives zeros, a file or folder there ENODEV. ``sys.path`` is "", ".frozen", then each
mount with its ``lib``, the card first. ``boot.py`` and ``main.py`` are run from the working directory, a frozen one
before any other (shared/runtime/pyexec.c). All of that is so here, by the same extmod/vfs.c.

WIRE: TIM2 channels that the self-test's output is joined to, with commas between. FAULT: of ``planted_faults.py``.
I2C: 1 where a controller reads its bus.

Left out: FAT, which a pyboard's flash has as it is sold (512-byte blocks); the factory's ``boot.py`` and ``main.py``
(comments only); running ``boot.py``; a card's own file system (with MOUNT ``/sd`` the image is the card's, and
``/flash`` is missing). Frozen modules, which the port finds at ".frozen", are here files of this machine: FROZEN,
folders with colons between, mounted as "/frozen0" and so on, which stand behind ".frozen" in ``sys.path``.
"""

import os
import select
import sys

image, blocks, machine_name, mount_point, frozen, with_main, wire, fault, i2c, *fd_texts = sys.argv[1:]

import machine  # noqa: E402,F401  the stand-ins, while the files of this machine can still be seen
import pyb  # noqa: E402,F401
import simtime  # noqa: E402
from world import WORLD  # noqa: E402

BLOCK_BYTES = 4096


class Flash:
    """A block device on a file."""

    def __init__(self, path, count):
        self._count = count
        self._file = open(path, "r+b")

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(number * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=None):
        self._file.seek(number * BLOCK_BYTES + (offset or 0))
        self._file.write(buffer)
        self._file.flush()

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._count
        if operation == 5:
            return BLOCK_BYTES
        return 0


class Typed:
    """The terminal without blocking. What follows a Ctrl-C is left for the REPL."""

    def __init__(self, file):
        self._file = file
        self._poll = select.poll()
        self._poll.register(file, select.POLLIN)

    def read(self, count):
        data = bytearray()
        while len(data) < count and not data.endswith(b"\x03") and self._poll.poll(0):
            data.extend(self._file.read(1))
        return bytes(data) or None


feed, control, i2c_in, i2c_out = (int(text) for text in fd_texts)
terminal = open(0, "rb")
modes = ((feed, "rb"), (control, "rb"))
files = [open(fd, mode) for fd, mode in modes]
WORLD.open(
    84000000,
    0,
    b"\1\2\3\4",
    files[0],
    files[1],
    terminal,
    open(1, "wb"),
    open(i2c_in, "rb"),
    open(i2c_out, "wb"),
)
WORLD._line_in = Typed(terminal)
WORLD.output.wire = [int(number) for number in wire.split(",") if number]
WORLD.i2c_hold_ms = 2500 * int(i2c)  # as SimBoard, and from the start: time waits for who reads there
WORLD._i2c_at = 0
if fault:
    import planted_faults

    getattr(planted_faults, fault)()
sys.modules["time"] = simtime


class _Implementation:
    name = sys.implementation.name
    version = sys.implementation.version
    _machine = machine_name


class _Sys:
    """``sys`` of a board that calls itself by another name."""

    implementation = _Implementation

    # The REPL shares this module's names, and imports its own "sys" and "os" over them.
    def __getattr__(self, name, real=sys):
        return getattr(real, name)


class _Os:
    def __getattr__(self, name, real=os):
        return getattr(real, name)

    def urandom(self, count):
        return b"\1\2\3\4"[:count]


import stm  # noqa: E402,F401
import uctypes  # noqa: E402,F401

sys.modules["os"] = _Os()
sys.modules["sys"] = _Sys()
flash = Flash(image, int(blocks))
try:
    system = os.VfsLfs2(flash)
except OSError:
    os.VfsLfs2.mkfs(flash)
    system = os.VfsLfs2(flash)
os.umount("/")
sys.path[:] = ["", ".frozen"]
if mount_point == "/":
    os.chdir("/")  # what the port leaves when it cannot mount its flash
else:
    os.mount(system, mount_point)
    os.chdir(mount_point)
    sys.path.extend([mount_point, mount_point + "/lib"])
folders = frozen.split(":") if frozen else []
for index, folder in enumerate(folders):
    os.mount(os.VfsPosix(folder), f"/frozen{index}")
    sys.path.insert(2 + index, f"/frozen{index}")
if int(with_main) and folders:
    with open("/frozen0/main.py") as stream:
        exec(stream.read())
elif int(with_main) and "main.py" in os.listdir():
    try:
        import main  # noqa: F401
    except ImportError as error:
        print(error)
