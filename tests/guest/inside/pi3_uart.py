"""Inside a Raspberry Pi 3 machine: a UART as the signal, on the real PL011 driver.

The machine's PL011 (QEMU) has the hardware's registers and takes no time: a byte is gone as soon as it is in the
FIFO. So what is seen here is what driver and hardware are told, how much the buffer holds while output is stopped
(as it is stopped by XOFF), and that an empty transmitter is noticed; how bytes leave in their own time is seen on the
x86 machine's 16550.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import subprocess
import termios
import time
from pathlib import Path

from tcxo_host.config.source import SourceConfig
from tcxo_host.errors import ConfigError, UnavailableError
from tcxo_host.pi.models import identify_model
from tcxo_host.pi.root import Root
from tcxo_host.pi.source import ready_uart, timing_of
from tcxo_host.pi.uart.console import holders, is_kernel_console
from tcxo_host.pi.uart.divider import uart_timing
from tcxo_host.pi.uart.feeder import Feeder
from tcxo_host.pi.uart.line import KernelLine
from tcxo_host.pi.uart.port import find_uart

from guest.inside.report import check

PORT = next((f"/dev/{path.name}" for path in Path("/sys/class/tty").glob("ttyAMA*")), "/dev/ttyAMA0")
MINI = "/dev/ttyS1"
"""This guest's console is on the mini UART."""
REGISTERS = 0x3F201000
IBRD, FBRD, LCRH = 0x24, 0x28, 0x2C
ROOT = Root("/")


def registers() -> tuple[int, int, int]:
    """Divisor and line control as the driver left them in the hardware."""
    handle = os.open("/dev/mem", os.O_RDONLY | os.O_SYNC)
    try:
        with mmap.mmap(handle, 4096, mmap.MAP_SHARED, mmap.PROT_READ, offset=REGISTERS) as memory:
            return tuple(struct.unpack_from("<I", memory, at)[0] for at in (IBRD, FBRD, LCRH))  # type: ignore[return-value]
    finally:
        os.close(handle)


def the_port_is_found() -> None:
    port = find_uart(ROOT, PORT, identify_model(ROOT))
    assert (port.kind, port.driver, port.is_system_crystal) == ("pl011", "uart-pl011", True), port
    print(f"{port}")


def the_mini_uart_is_refused() -> None:
    for device in (MINI, "/dev/ttyS3", "/dev/ptmx", "/dev/null"):
        try:
            find_uart(ROOT, device, identify_model(ROOT))
        except UnavailableError as error:
            assert "core clock" in str(error) or device != MINI, error
            print(error)
        else:
            raise AssertionError(f"{device} was taken")


def the_speed_is_taken() -> None:
    """What the driver writes into the divisor is what we say that it writes, for speeds of all kinds."""
    line = KernelLine(PORT)
    clock_hz = find_uart(ROOT, PORT, identify_model(ROOT)).clock_hz
    print(f"clock {clock_hz} Hz")
    try:
        for baud in (500, 480, 50, 1234, 9999, 115200):
            line.set_speed(baud)
            assert line.is_as_set(baud), baud
            divisor = uart_timing("pl011", clock_hz, baud, baud / 10).divisor
            whole, parts = divmod(divisor * 64, 64)
            ibrd, fbrd, lcrh = registers()
            assert (ibrd, fbrd) == (int(whole), int(parts)), (baud, clock_hz, divisor, ibrd, fbrd)
            assert lcrh & 0x6E == 0x60, f"not 8N1: LCRH {lcrh:#x}"
        line.set_speed(500)
        subprocess.run(["stty", "-F", PORT, "ixon"], check=False)  # exclusive, but we are root
        os.system(f"stty -F {PORT} 9600")
        assert not line.is_as_set(500)
    finally:
        line.close()


def the_buffer_holds_a_minute() -> None:
    handle = os.open(PORT, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    feeder = Feeder(PORT, 500)
    try:
        termios.tcflow(handle, termios.TCOOFF)
        feeder.turn()
        assert feeder() == "", feeder()
        print(f"{feeder.buffered_s} s in the buffer")
        assert 60 < feeder.buffered_s < 100, feeder.buffered_s
        before = time.monotonic()
        feeder.close()
        assert time.monotonic() - before < 5, "closing waited for bytes that may go"
    finally:
        termios.tcflow(handle, termios.TCOON)
        os.close(handle)


def an_empty_transmitter_is_noticed() -> None:
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("tcxo_host").addHandler(handler)
    now = [100.0]
    feeder = Feeder(PORT, 500, clock=lambda: now[0])
    feeder.turn()
    now[0] += 1.0
    feeder.turn()
    assert feeder.underruns == 1, feeder.underruns
    assert "nothing to send" in said[-1], said
    os.system(f"stty -F {PORT} 9600")
    now[0] += 1.0
    feeder.turn()
    assert "changed the speed" in feeder(), feeder()
    now[0] += 11.0
    feeder.turn()
    assert feeder() == "", feeder()
    feeder.close()


def a_login_is_found() -> None:
    """busybox's getty, as an init without systemd starts it."""
    name = PORT.rpartition("/")[2]
    assert holders(ROOT, name) == [], holders(ROOT, name)
    login = subprocess.Popen(["getty", "-L", "115200", name, "vt100"], start_new_session=True)
    try:
        end = time.monotonic() + 120
        while not holders(ROOT, name):
            assert time.monotonic() < end, "the login never had the terminal"
            time.sleep(0.1)
        (found,) = holders(ROOT, name)
        assert found.startswith(("getty", "busybox")), found
        print(found)
    finally:
        login.kill()
        login.wait()
    assert is_kernel_console(ROOT, MINI.rpartition("/")[2])
    assert not is_kernel_console(ROOT, name)


def it_starts_as_the_daemon_starts_it() -> None:
    source = SourceConfig(signal=f"uart:{PORT}")
    try:
        feeder = ready_uart(ROOT, source)
    except ConfigError as error:
        raise AssertionError(str(error)) from None
    port = find_uart(ROOT, PORT, identify_model(ROOT))
    timing = timing_of(port, source, identify_model(ROOT))
    print(f"{port.clock_hz} Hz: {timing}")
    assert feeder.bias_ppm == timing.bias_ppm
    feeder.close()


def run() -> None:
    """Every check of ``pi3_uart_checks``."""
    check("uart-found", the_port_is_found)
    check("uart-mini-refused", the_mini_uart_is_refused)
    check("uart-speed", the_speed_is_taken)
    check("uart-buffer", the_buffer_holds_a_minute)
    check("uart-underrun", an_empty_transmitter_is_noticed)
    check("uart-login", a_login_is_found)
    check("uart-start", it_starts_as_the_daemon_starts_it)
