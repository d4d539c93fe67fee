"""In MicroPython, on a real littlefs in memory: keeping a crash where the file system is full, or is not there."""

import os

from tcxo import crash

BLOCK_BYTES = 512


class Memory:
    def __init__(self, count):
        self._data = bytearray(count * BLOCK_BYTES)

    def readblocks(self, number, buffer, offset=0):
        start = number * BLOCK_BYTES + offset
        buffer[:] = self._data[start : start + len(buffer)]

    def writeblocks(self, number, buffer, offset=0):
        start = number * BLOCK_BYTES + offset
        self._data[start : start + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        return {4: len(self._data) // BLOCK_BYTES, 5: BLOCK_BYTES}.get(operation, 0)


def fill():
    with open("full", "wb") as stream:
        try:
            while True:
                stream.write(bytes(64))
                stream.flush()
        except OSError:
            pass


def keep_tell_and_forget():
    try:
        raise RuntimeError("something to keep")
    except RuntimeError as error:
        crash.write(error)
    told = crash.lines()
    crash.forget()
    return told, crash.lines()


memory = Memory(32)
os.VfsLfs2.mkfs(memory)
system = os.VfsLfs2(memory)
os.umount("/")
os.mount(system, "/flash")
os.chdir("/flash")
told, after = keep_tell_and_forget()
assert told[-1] == "RuntimeError: something to keep", told
assert after == []
with open("tcxo_crash.txt", "wb") as stream:
    stream.write(b"cut off in a character \xc3")
assert crash.lines() == [], "nothing that could be read"
crash.forget()
fill()
told, after = keep_tell_and_forget()
print("full:", told, after)
os.umount("/flash")
os.chdir("/")
print("none:", *keep_tell_and_forget())
