"""Inside an x86-64 machine: a 16550 as the signal, on the kernel's real 8250 driver, fed by the daemon."""

from __future__ import annotations

import array
import fcntl
import os
import subprocess
import termios
import time
from pathlib import Path

from tcxo_host.config.source import SourceConfig
from tcxo_host.pi.root import Root
from tcxo_host.pi.source import timing_of
from tcxo_host.pi.uart.line import KernelLine
from tcxo_host.pi.uart.port import find_uart

from guest.inside.report import check

LOG = Path("/run/tcxo-host.log")
DEVICE = "/dev/ttyS2"
PORTS_AT = 0x3E8
LINE_CONTROL, DIVISOR_LATCH = 3, 0x80
SOURCE = SourceConfig(signal=f"uart:{DEVICE}", baud=480)
FULL = 4095
HANG_S = 300.0


def load_s() -> float:
    words = Path("/proc/cmdline").read_text().split()
    return next(float(word.partition("=")[2]) for word in words if word.startswith("load_s="))


def the_port_is_found() -> None:
    port = find_uart(Root("/"), DEVICE, None)
    print(port)
    assert (port.kind, port.clock_hz, port.is_system_crystal) == ("16550", 1_843_200, None), port


def the_divisor_is_what_we_say() -> None:
    """Read back from the hardware's divisor latch."""
    line = KernelLine(DEVICE)
    ports = os.open("/dev/port", os.O_RDWR)
    try:
        line.set_speed(480)
        assert line.is_as_set(480)
        (control,) = os.pread(ports, 1, PORTS_AT + LINE_CONTROL)
        os.pwrite(ports, bytes([control | DIVISOR_LATCH]), PORTS_AT + LINE_CONTROL)
        low, high = os.pread(ports, 1, PORTS_AT)[0], os.pread(ports, 1, PORTS_AT + 1)[0]
        os.pwrite(ports, bytes([control]), PORTS_AT + LINE_CONTROL)
        assert control & 0x0F == 0x03, f"not 8N1: {control:#x}"
        timing = timing_of(find_uart(Root("/"), DEVICE, None), SOURCE, None)
        assert low + 256 * high == timing.divisor == 240, (low, high, timing)
        assert timing.exact
    finally:
        os.close(ports)
        line.close()


def the_buffer_is_kept_full_under_load() -> None:
    """Two programs that never sleep, on two CPUs; the buffer is looked at past the daemon."""
    handle = os.open(DEVICE, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    least, looks = FULL, 0
    try:
        end = time.monotonic() + load_s()
        while time.monotonic() < end:
            least, looks = min(least, waiting(handle)), looks + 1
            time.sleep(0.2)
    finally:
        for each in busy:
            each.kill()
            each.wait()
        os.close(handle)
    print(f"the buffer never had less than {least} bytes in {looks} looks over {load_s():.0f} s")
    assert least > FULL // 2, least
    assert "underrun" not in LOG.read_text(), LOG.read_text()


def an_underrun_is_named() -> None:
    """What waits is thrown away by another program until the transmitter is seen empty."""
    handle = os.open(DEVICE, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        end = time.monotonic() + HANG_S
        while "underrun" not in LOG.read_text():
            assert time.monotonic() < end, "no underrun was noticed"
            termios.tcflush(handle, termios.TCOFLUSH)
            time.sleep(0.05)
        while waiting(handle) < FULL // 2:
            assert time.monotonic() < end, "the buffer was never filled again"
            time.sleep(0.1)
    finally:
        os.close(handle)


def waiting(handle: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(handle, termios.TIOCOUTQ, count)
    return count[0]


def before() -> None:
    """The port by itself."""
    check("uart-found", the_port_is_found)
    check("uart-divisor", the_divisor_is_what_we_say)


def while_the_daemon_runs() -> None:
    """The daemon's work on it."""
    check("uart-kept-full", the_buffer_is_kept_full_under_load)
    check("uart-underrun", an_underrun_is_named)
