"""Inside an x86-64 machine: the kernel's i2c-stub, and the daemon with a chronyd that steers this clock."""

from __future__ import annotations

import errno
import signal
import subprocess
import time
from pathlib import Path

from smbus2 import SMBus, i2c_msg
from tcxo_host.errors import LinkError
from tcxo_host.link.i2c import I2cLink
from tcxo_host.publish.clock_pair import read_pair

from guest.inside import x86_uart
from guest.inside.gpsp import chrony_follows_gpsp
from guest.inside.kernel_clock import HANG_S, kernel_ppm, wait_until
from guest.inside.product import install, line_is_open, published_ppm, start_daemon
from guest.inside.report import check, load_modules

SIGNAL = """[source]
signal = "uart:/dev/ttyS2"
baud = 480
"""
OBSERVED_S = 25.0
WANDER_PPM = 0.3
"""What the simulated clock does in that time, and in more where the board's world is slow."""
LAG_S = 5.0
"""chronyd reads the file once a second, and late on a busy machine."""


def stub_bus() -> int:
    for path in Path("/sys/class/i2c-dev").glob("i2c-*"):
        if "stub" in (path / "name").read_text():
            return int(path.name.partition("-")[2])
    raise AssertionError("no i2c-stub")


def a_bus_without_i2c_is_refused() -> None:
    try:
        I2cLink(f"{stub_bus()}:0x42")
    except LinkError as error:
        assert "functionality 0xc7f0000 lacks I2C_FUNC_I2C" in str(error), error
    else:
        raise AssertionError("i2c-stub was accepted")


def the_errno_of_a_refused_transfer() -> None:
    """What our link turns into a LinkError at once is what a kernel gives."""
    with SMBus(stub_bus()) as bus:
        for messages in ([i2c_msg.read(0x42, 4)], [i2c_msg.write(0x42, [0, 0]), i2c_msg.read(0x42, 40)]):
            try:
                bus.i2c_rdwr(*messages)
            except OSError as error:
                assert error.errno == errno.EOPNOTSUPP, error
            else:
                raise AssertionError("i2c-stub made a plain transfer")


def an_absent_bus() -> None:
    try:
        I2cLink("7:0x42")
    except LinkError as error:
        assert "raspi-config" in str(error), error
    else:
        raise AssertionError("bus 7 was opened")


def agrees(kernel: float, published: float) -> bool:
    return abs(kernel / published - 1) < 0.05


def the_kernel_follows() -> None:
    """Sign and size, while the value wanders: always within 5 % of what was published just before."""
    wait_until("a value is published", lambda: published_ppm() is not None)
    wait_until("the kernel's clock has it", lambda: agrees(kernel_ppm(), published_ppm() or 1e9))
    published: list[tuple[float, float]] = []
    kernel: list[tuple[float, float]] = []
    start = time.monotonic()
    while time.monotonic() < start + (OBSERVED_S if _wandered_ppm(published) > WANDER_PPM else HANG_S):
        now = time.monotonic()
        published.append((now, published_ppm() or 0.0))
        if now > start + LAG_S:
            kernel.append((now, kernel_ppm()))
        time.sleep(0.2)
    worst = 0.0
    for when, ours in kernel:
        recent = [value for then, value in published if when - LAG_S <= then <= when]
        off = min(abs(ours / value - 1) for value in recent)
        assert off < 0.05, f"the kernel has {ours:+.4f} ppm, published was {recent}"
        worst = max(worst, off)
    values, followed = [value for _, value in published], [value for _, value in kernel]
    assert max(values) < -2, "the simulated clock is 3 ppm fast or more: the file must be clearly negative"
    assert _wandered_ppm(published) > WANDER_PPM, "the simulated clock wandered by more than that"
    # it follows the changes too, not only the mean
    ratio = (max(followed) - min(followed)) / (max(values) - min(values))
    assert 0.5 < ratio < 1.1, ratio
    print(f"published {min(values):+.4f} to {max(values):+.4f} ppm, kernel {min(followed):+.4f} to"
          f" {max(followed):+.4f} ppm, worst disagreement {100 * worst:.3f} %")  # fmt: skip


def _wandered_ppm(published: list[tuple[float, float]]) -> float:
    values = [value for _, value in published]
    return max(values) - min(values) if values else 0.0


def the_value_stays() -> None:
    """The daemon's end changes nothing; the file rests, so the kernel must have exactly its number."""
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(HANG_S) == 0
    last = published_ppm()
    assert last is not None
    wait_until("the kernel has the last value", lambda: abs(kernel_ppm() / last - 1) < 0.001)
    time.sleep(3)
    assert abs(kernel_ppm() / last - 1) < 0.001, (kernel_ppm(), last)
    print(f"last published {last:+.6f} ppm, kernel {kernel_ppm():+.6f} ppm")


def the_clock_itself() -> None:
    """CLOCK_REALTIME gains on the raw counter what was published: no number in between, but time."""
    last = published_ppm()
    assert last is not None
    first = read_pair()
    time.sleep(10)
    second = read_pair()
    assert first is not None
    assert second is not None
    raw_ns = second.raw_ns - first.raw_ns
    gained_ppm = (second.real_ns - first.real_ns - raw_ns) / raw_ns * 1e6
    print(f"published {last:+.4f} ppm, CLOCK_REALTIME against CLOCK_MONOTONIC_RAW {gained_ppm:+.4f} ppm")
    assert agrees(gained_ppm, last), (gained_ppm, last)


if __name__ == "__main__":
    load_modules({"i2c-stub.ko": ["chip_addr=0x42"]})
    check("i2c-refused", a_bus_without_i2c_is_refused)
    check("i2c-errno", the_errno_of_a_refused_transfer)
    check("i2c-absent", an_absent_bus)
    install("bindcmdaddress /", SIGNAL)
    x86_uart.before()
    chronyd = subprocess.Popen(["chronyd", "-d", "-f", "/etc/chrony/chrony.conf"])
    with x86_uart.LOG.open("wb") as log:
        daemon = start_daemon(log)
    check("daemon-open", lambda: wait_until("the daemon has the line open", lambda: line_is_open(daemon)))
    check("kernel-follows", the_kernel_follows)
    x86_uart.while_the_daemon_runs()
    check("value-stays", the_value_stays)
    check("clock-itself", the_clock_itself)
    chronyd.terminate()
    chronyd.wait()
    check("gpsp", chrony_follows_gpsp)
    print(x86_uart.LOG.read_text())
