"""The I2C link: polls the board's memory over ``/dev/i2c-N``, tolerating the errors that a bus may give."""

from __future__ import annotations

import errno
import re
import time
from collections import Counter, deque
from collections.abc import Callable

from smbus2 import I2cFunc, SMBus, i2c_msg
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.i2c_pages import LayoutMismatch, PageReader, PagesError, PollResult
from tcxo_protocol.records import ProtocolError, iter_bodies
from tcxo_protocol.spec import RecordType

from ..errors import DataError, LinkError, UsageError
from .interface import Received

__all__ = ["I2cLink", "parse_address"]

_URL = re.compile(
    r"([0-9]{1,9}):(0x[0-9a-fA-F]{1,2}|[1-9][0-9]{0,2})"
)  # without "05", which int(..., 0) does not take
# The board closes a second with its status record. We look just after that; and if it is not there yet,
# again in steps that are not in phase with the 50 Hz, whose interrupt on the board a transfer would delay.
_AFTER_SECOND_S = 1.013
_AGAIN_S = 0.053
_RETRY_PAUSES_S = (0.011, 0.037, 0.083)
_GIVE_UP_S = 3.0
_GONE = (errno.ENODEV, errno.EBADF, errno.ENOENT)
_PASSING = {
    errno.EREMOTEIO: "no acknowledge",
    errno.ENXIO: "no acknowledge",
    errno.EIO: "bus error",
    errno.ETIMEDOUT: "timeout",
    errno.EAGAIN: "arbitration lost",
    errno.EPROTO: "bus error",
    errno.EBUSY: "bus busy",
}


class I2cLink:
    """Records from the board's memory at ``BUS:ADDRESS``. Opens at once.

    Raises UsageError for a malformed address, LinkError with the remedy when the bus cannot be used.
    A failed or torn read is tried again within the second; a bus that fails for 3 s is given up with
    LinkError, so that the owner of the link reopens it. ``errors`` counts failed transfers by errno name.
    ``open_bus`` opens a bus by its number, as smbus2 does; ``clock`` and ``pause`` are in seconds.
    """

    def __init__(
        self,
        where: str,
        open_bus: Callable[[int], SMBus] = SMBus,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = f"i2c:{where}"
        self.errors: Counter[str] = Counter()
        self._clock, self._pause = clock, pause
        bus, self._address = parse_address(where)
        self._bus = _open_bus(bus, open_bus)
        self._reader = PageReader()
        self._counts = LineCounts()
        self._identify: bytes | None = None
        self._identify_wanted = False
        self._due_s = clock()
        self._good_s = clock()
        self._waiting: deque[Received] = deque()

    @property
    def counts(self) -> LineCounts:
        """Slots read; slots overwritten before they were read; torn and failed reads."""
        self._counts.bad_frames = self._reader.torn_reads + sum(self.errors.values())
        return self._counts

    def read(self, timeout_s: float) -> list[Received]:
        """Records that came since the last call, or the first to come within ``timeout_s``."""
        deadline = self._clock() + timeout_s
        while True:
            wait_s = min(self._due_s, deadline) - self._clock()
            if wait_s > 0:
                self._pause(wait_s)
            if self._clock() >= self._due_s:
                received = self._poll()
                if received:
                    return received
            if self._clock() >= deadline:
                return []

    def send(self, command: str) -> None:
        """``id`` repeats the identify page with the next records; nothing else is needed on this link."""
        self._identify_wanted = self._identify_wanted or command == "id"

    def close(self) -> None:
        """Release the bus."""
        try:
            self._bus.close()
        except OSError:
            return

    def _poll(self) -> list[Received]:
        result = self._poll_with_retries()
        now = self._clock()
        self._due_s = now + _AGAIN_S
        if result is None:
            if now - self._good_s > _GIVE_UP_S:
                told = ", ".join(f"{name} {count}" for name, count in self.errors.most_common())
                raise LinkError(
                    f"{self.url}: no readable transfer for {_GIVE_UP_S:.0f} s ({told or 'torn reads'})",
                    "check wires, pull-ups and the bus speed (at most 100 kHz)",
                )
            return []
        self._good_s = now
        payloads = list(result.payloads)
        if result.restarted:
            self._identify = payloads[0]
            self._identify_wanted = False
        elif payloads and self._identify_wanted and self._identify is not None:
            # only together with new records: a board that is stuck must not seem alive
            payloads.insert(0, self._identify)
            self._identify_wanted = False
        self._counts.frames += len(payloads)
        self._counts.lost_frames += result.lost
        if any(_has_status(payload) for payload in payloads):
            self._due_s = now + _AFTER_SECOND_S - _AGAIN_S / 2
        host_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        return [Received(host_ns, payload) for payload in payloads]

    def _poll_with_retries(self) -> PollResult | None:
        """One poll; None when every try failed in a way that may pass."""
        for pause_s in (*_RETRY_PAUSES_S, None):
            try:
                return self._reader.poll(self._read_registers)
            except LayoutMismatch as error:
                raise DataError(f"{self.url}: {error}") from None
            except PagesError:
                self.errors["unreadable"] += 1
            except OSError as error:
                self._note(error)
            if pause_s is not None:
                self._pause(pause_s)
        return None

    def _note(self, error: OSError) -> None:
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        self.errors[name] += 1
        if error.errno in _GONE:
            raise LinkError(f"{self.url}: the bus went away ({name})") from None
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
            raise LinkError(
                f"{self.url}: the bus refuses plain I2C transfers ({name})",
                "take another one, or dtoverlay=i2c-gpio",
            ) from None
        if error.errno not in _PASSING:
            raise LinkError(f"{self.url}: {error.strerror} ({name})") from None

    def _read_registers(self, offset: int, count: int) -> bytes:
        # The address is always written first: the board's side reads ahead and would be out of step.
        address = i2c_msg.write(self._address, offset.to_bytes(2, "big"))
        data = i2c_msg.read(self._address, count)
        self._bus.i2c_rdwr(address, data)
        return bytes(data)


def parse_address(where: str) -> tuple[int, int]:
    """Bus and address of ``BUS:ADDRESS``. Raises UsageError for anything else."""
    match = _URL.fullmatch(where)
    address = int(match[2], 0) if match else -1
    if match is None or not 0x03 <= address <= 0x77:
        raise UsageError(
            f"link i2c:{where}: expected i2c:BUS:ADDRESS with an address from 0x03 to 0x77, such as i2c:1:0x55"
        )
    return int(match[1]), address


def _open_bus(bus: int, open_bus: Callable[[int], SMBus]) -> SMBus:
    device = f"/dev/i2c-{bus}"
    try:
        opened = open_bus(bus)
    except FileNotFoundError:
        raise LinkError(
            f"{device}: no such bus", "switch it on with 'sudo raspi-config nonint do_i2c 0' and reboot"
        ) from None
    except PermissionError:
        raise LinkError(f"{device}: permission denied", "add the user to the group i2c") from None
    except OSError as error:
        raise LinkError(f"{device}: cannot be opened ({error.strerror})", "see dmesg") from None
    if not opened.funcs & I2cFunc.I2C:
        opened.close()
        raise LinkError(
            f"{device}: this bus speaks SMBus only (functionality {int(opened.funcs):#x} lacks I2C_FUNC_I2C), and"
            " the board's pages are longer than its 32 bytes",
            "take the header's bus, or dtoverlay=i2c-gpio",
        )
    return opened


def _has_status(payload: bytes) -> bool:
    try:
        return any(kind == RecordType.STATUS for kind, _ in iter_bodies(payload))
    except ProtocolError:
        return False  # the pipeline will say so
