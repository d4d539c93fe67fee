"""UARTs as sysfs shows them, and a Raspberry Pi 5 that has one as its signal.

Shapes: the kernel's serial core (``/sys/class/tty/*``; since 6.5 with its own devices between UART and tty, as the
Pi 5's kernel has them) and its device trees (bcm2712: uart10 at 107d001000, clk_uart of 9216000 Hz; RP1's uart0
below the PCIe bus). Nothing here was copied from a running Pi 5.
"""

from __future__ import annotations

from support.pi_trees import APPARMOR_PROFILE, CHRONY, CONFIG_TXT, PI5, SERVICE, Link, Tree, rp1_pwm, without

DEBUG_UART = "platform/soc@107c000000/107d001000.serial"
RP1_UART = "platform/axi/1000120000.pcie/1f00030000.serial"
CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=4e3f-02 rootfstype=ext4 fsck.repair=yes rootwait\n"
)


def uart(
    name: str,
    device: str,
    driver: str,
    clock_hz: int,
    *,
    dev: str = "204:74",
    kind: str = "32",
    console: str = "N",
    new: bool = True,
) -> Tree:
    """A UART with its tty. ``device``: its path below /sys/devices; ``new``: a kernel from 6.5 on."""
    last = device.rpartition("/")[2]
    port = f"{device}/{last}:0/{last}:0.0" if new else device
    up = "../" * (device.count("/") + 1)
    tree: Tree = {
        f"/dev/{name}": "",
        f"/sys/class/tty/{name}": Link(f"../../devices/{port}/tty/{name}"),
        f"/sys/devices/{device}/driver": Link(f"{up}../bus/platform/drivers/{driver}"),
        f"/sys/devices/{port}/tty/{name}/uartclk": f"{clock_hz}\n",
        f"/sys/devices/{port}/tty/{name}/type": f"{kind}\n",
        f"/sys/devices/{port}/tty/{name}/console": f"{console}\n",
        f"/sys/devices/{port}/tty/{name}/dev": f"{dev}\n",
    }
    if new:
        bus = f"{up}../../bus/serial-base/drivers"
        tree[f"/sys/devices/{device}/{last}:0/driver"] = Link(f"{bus}/ctrl")
        tree[f"/sys/devices/{port}/driver"] = Link(f"../{bus}/port")
    return tree


PI5_UARTS = (
    uart("ttyAMA10", DEBUG_UART, "uart-pl011", 9_216_000)
    | uart("ttyAMA0", RP1_UART, "uart-pl011", 50_000_000, dev="204:64")
    | {"/dev/serial0": Link("ttyAMA10")}
)
PI5_BARE: Tree = (
    PI5
    | rp1_pwm()
    | PI5_UARTS
    | without(CHRONY, "/etc/chrony/conf.d")
    | {
        "/etc/apparmor.d/usr.sbin.chronyd": APPARMOR_PROFILE,
        "/boot/firmware/config.txt": CONFIG_TXT,
        "/boot/firmware/cmdline.txt": CMDLINE,
        "/dev/ttyACM0": "",
    }
)
"""A Pi 5 with Raspberry Pi OS, chrony and a board, before anything is installed."""
PI5_GOOD: Tree = (
    PI5_BARE
    | CHRONY
    | SERVICE
    | {
        "/boot/firmware/cmdline.txt": CMDLINE.removeprefix("console=serial0,115200 "),
        "/etc/tcxo-host.toml": str(SERVICE["/etc/tcxo-host.toml"])
        + '\n[source]\nsignal = "uart:/dev/ttyAMA10"\nbaud = 500\n',
    }
)
"""The same when all is as it should be."""
ADAPTER = uart("ttyUSB0", "pci0000:00/usb1/1-2/1-2:1.0/ttyUSB0", "ftdi_sio", 24_000_000, dev="188:0")
MINI = uart("ttyS0", "platform/soc/3f215040.serial", "bcm2835-aux-uart", 500_000_000, dev="4:64")
PI3_UART = uart("ttyAMA0", "platform/soc/3f201000.serial", "uart-pl011", 48_000_000, dev="204:64", new=False)
PC_UART = uart("ttyS0", "pnp0/00:05", "serial", 1_843_200, dev="4:64", kind="4", new=False)
