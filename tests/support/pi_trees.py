"""Trees of files as Raspberry Pis show them; ``python tests/support/pi_trees.py`` writes them to tests/data.

Shapes and device names follow the kernel's device trees and what a real bcm2835 PWM driver shows;
nothing here was copied from a running Pi.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"

Content = str | bytes


class Link(str):
    """A symbolic link's target."""


Tree = dict[str, Content | Link]


def write_tree(base: Path, tree: Tree) -> Path:
    """Write ``tree`` below ``base``, which must be new or empty."""
    for name, content in tree.items():
        path = base / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return base


def read_tree(base: Path) -> Tree:
    """The inverse of ``write_tree``."""
    tree: Tree = {}
    for folder, names, files in os.walk(base):
        for name in names + files:
            path = Path(folder, name)
            key = "/" + str(path.relative_to(base))
            if path.is_symlink():
                tree[key] = Link(os.readlink(path))
            elif path.is_file():
                tree[key] = path.read_bytes()
    return tree


def machine(model: str, compatible: str, kernel: str) -> Tree:
    """What every Pi has."""
    return {
        "/proc/device-tree/model": model.encode() + b"\0",
        "/proc/device-tree/compatible": compatible.replace(" ", "\0").encode() + b"\0",
        "/proc/sys/kernel/osrelease": kernel + "\n",
    }


def pwm_chip(
    device: str, number: int = 0, npwm: int = 2, channels: dict[int, tuple[int, int, int]] | None = None
) -> Tree:
    """A PWM chip in sysfs. ``device``: its path below /sys/devices; ``channels``: (period, duty, enable)."""
    name = f"pwmchip{number}"
    base = f"/sys/devices/{device}/pwm/{name}"
    tree: Tree = {
        f"/sys/class/pwm/{name}": Link(f"../../devices/{device}/pwm/{name}"),
        f"{base}/device": Link(f"../../../{device.rpartition('/')[2]}"),
        f"{base}/npwm": f"{npwm}\n",
        f"{base}/export": "",
        f"{base}/unexport": "",
    }
    for channel, (period, duty, enable) in (channels or {}).items():
        values = {"period": period, "duty_cycle": duty, "enable": enable, "polarity": "normal"}
        for key, value in values.items():
            tree[f"{base}/pwm{channel}/{key}"] = f"{value}\n"
    return tree


def pwm_clock(hz: int) -> Tree:
    """The running device tree's PWM node with the overlay's clock."""
    node = "/proc/device-tree/soc/pwm@7e20c000"
    return {
        f"{node}/compatible": b"brcm,bcm2835-pwm\0",
        f"{node}/assigned-clock-rates": hz.to_bytes(4, "big"),
        f"{node}/status": b"okay\0",
    }


SQUARE_50_HZ = (20_000_000, 10_000_000, 1)
PI_ZERO = machine("Raspberry Pi Zero W Rev 1.1", "raspberrypi,model-zero-w brcm,bcm2835", "6.1.21+")
PI2 = machine("Raspberry Pi 2 Model B Rev 1.1", "raspberrypi,2-model-b brcm,bcm2836", "6.6.31+rpt-rpi-v7")
PI3 = machine("Raspberry Pi 3 Model B Rev 1.2", "raspberrypi,3-model-b brcm,bcm2837", "6.6.31+rpt-rpi-v8")
PI4 = machine("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b brcm,bcm2711", "6.6.31+rpt-rpi-v8")
CM4 = machine(
    "Raspberry Pi Compute Module 4 Rev 1.1", "raspberrypi,4-compute-module brcm,bcm2711", "6.12.25+rpt-rpi-v8"
)
PI5 = machine("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b brcm,bcm2712", "6.12.25+rpt-rpi-2712")

PWM_BY_SOC = {
    "bcm2835": "platform/soc/2020c000.pwm",
    "bcm2836": "platform/soc/3f20c000.pwm",
    "bcm2837": "platform/soc/3f20c000.pwm",
    "bcm2711": "platform/soc/fe20c000.pwm",
    "bcm2712": "platform/axi/1000120000.pcie/1f00098000.pwm",
}


def rp1_pwm(number: int = 0, channels: dict[int, tuple[int, int, int]] | None = None) -> Tree:
    """RP1's header PWM, beside the fan's, whose chip number may come first."""
    fan = pwm_chip("platform/axi/1000120000.pcie/1f0009c000.pwm", 2 - number, 4)
    return fan | pwm_chip(PWM_BY_SOC["bcm2712"], number, 4, channels)


OVERLAY = "dtoverlay=pwm,pin=12,func=4,clock=1200000\n"
CONFIG_TXT = "# For more options see the documentation\ndtparam=i2c_arm=on\ndtparam=audio=off\n[all]\n"
BY_ID = "usb-MicroPython_Pyboard_Virtual_Comm_Port_in_FS_Mode_325C38683439-if01"

APPARMOR_PROFILE = """# shortened: only what concerns the files chronyd may read
/usr/sbin/chronyd flags=(attach_disconnected) {
  /usr/sbin/chronyd mr,
  /etc/chrony/{,**} r,
  /var/lib/chrony/{,*} rw,
  @{run}/chrony/{,*} rw,
  @{sys}/class/hwmon/hwmon[0-9]*/temp[0-9]*_input r,
  /etc/chrony.* r,
  @{run}/chrony.*.sock rw,
  /dev/pps[0-9]* rw,
  #include <local/usr.sbin.chronyd>
}
"""

CHRONY: Tree = {
    "/usr/sbin/chronyd": "",
    "/var/lib/dpkg/status": "Package: chrony\nStatus: install ok installed\nVersion: 4.3-2+deb12u1\n\n",
    "/etc/chrony/chrony.conf": "# comment\nconfdir /etc/chrony/conf.d\ndriftfile /var/lib/chrony/chrony.drift\n",
    "/etc/chrony/conf.d/tcxo.conf": "! frequency from the TCXO\ntempcomp /run/tcxo 1 0 0 1 0\n",
    "/etc/apparmor.d/usr.sbin.chronyd": APPARMOR_PROFILE,
    "/etc/apparmor.d/local/usr.sbin.chronyd": "# local additions\n/run/tcxo-host/tcxo r,\n",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
}


def status_json(**rates_hz: float) -> str:
    """A daemon's status file that has just seen edges on the given channels, an hour after the board's start."""
    pi_ppm, tcxo_ppm, rtc_ppm, baseline_ppm = 1.234567, 0.47, -1.2, 0.0
    pins = {"gps_pps": "X1", "rtc_pps": "X2", "host_pwm": "X3"}
    fast_ppm = {"gps_pps": 0.0, "rtc_pps": rtc_ppm, "host_pwm": pi_ppm}
    ids = {role: number for number, role in enumerate(pins, 1) if role in rates_hz}
    nominal_hz = {role: 50.0 if role == "host_pwm" else 1.0 for role in rates_hz}
    tick, host_ns, utc_s = 3600 * 84_000_000, 3_700_000_000_000, 1_720_000_000.0
    second = {
        "version": 2,
        "time_s": 3600.0,
        "state": "track",
        "reason": "",
        "published_ppm": baseline_ppm - pi_ppm,
        "freq_error_ppm": pi_ppm,
        "sigma_ppm": 0.0018,
        "tcxo_ppm": tcxo_ppm,
        "tcxo_sigma_ppm": 0.0015,
        "rtc_ppm": rtc_ppm,
        "rtc_sigma_ppm": 0.0031,
        "temperature_c": 34.9,
        "baseline_ppm": baseline_ppm,
        "tick": tick,
        "boot_id": "04030201",
        "host_ns": host_ns,
    }
    board = {
        "boot_id": "04030201",
        "reset_cause": 1,
        "tick_hz": 84_000_000,
        "counter_bits": 32,
        "firmware_version": "0.1.0",
        "board": "PYBv1.1",
        "micropython_version": "1.28.0",
        "channels": [
            {
                "id": ids[role],
                "role": ids[role],
                "rate_millihertz": round(nominal_hz[role] * 1000),
                "pin": pins[role],
            }
            for role in rates_hz
        ],
        "protocol_major": 1,
        "protocol_minor": 1,
        "firmware_crc32": 2427703977,
    }
    health = {
        "uptime_s": 3600,
        "tick": tick,
        "frames_sent": 7206,
        "frames_dropped": 0,
        "mcu_c": 34.9,
        "external_c": None,
        "supply_v": 3.3,
        "channels": [
            {"id": ids[role], "edges": int(3600 * rate), "overcaptures": 0, "ring_drops": 0}
            for role, rate in rates_hz.items()
        ],
    }
    channels = {
        role: {
            "rate_hz": nominal_hz[role],
            "seen_hz": round(rate * (1 + (fast_ppm[role] - tcxo_ppm) * 1e-6), 6),
            "edges": int(3600 * rate),
            "lost": 0,
            "duplicates": 0,
            "overcaptures": 0,
            "overflows": 0,
            "rejected": 0,
            "age_s": 0.4 / rate,
        }
        for role, rate in rates_hz.items()
    }
    output = {
        "output": "/run/tcxo-host/tcxo",
        "last_published_ppm": baseline_ppm - pi_ppm,
        "phase": None,
        "trial_held": False,
        "last_published_utc_s": utc_s,
        "last_second_utc_s": utc_s,
        "utc_s": utc_s + 0.001,
        "written_ns": host_ns + 1_000_000,
    }
    line = {"frames": 7206, "bad_frames": 0, "lost_frames": 0, "skipped_bytes": 0, "bad_records": 0}
    values = second | {"board": board, "board_status": health, "channels": channels, "line": line} | output
    return json.dumps(values) + "\n"


SERVICE: Tree = {
    "/dev/ttyACM0": "",
    f"/dev/serial/by-id/{BY_ID}": Link("../../ttyACM0"),
    "/etc/tcxo-host.toml": f'[link]\nurl = "serial:/dev/serial/by-id/{BY_ID}"\n\n'
    '[output]\npath = "/run/tcxo"\nstatus = "/run/tcxo-host/status.json"\n\n'
    '[state]\npath = "/var/lib/tcxo-host/state.json"\n',
    "/etc/systemd/system/tcxo-host.service": "[Service]\nExecStart=/usr/bin/tcxo-host run\n",
    "/etc/systemd/system/multi-user.target.wants/tcxo-host.service": Link("../tcxo-host.service"),
    "/sys/fs/cgroup/system.slice/tcxo-host.service/cgroup.procs": "612\n",
    "/run/tcxo": Link("tcxo-host/tcxo"),
    "/run/tcxo-host/tcxo": "-1.234567\n",
    "/run/tcxo-host/status.json": status_json(gps_pps=1.0, rtc_pps=1.0, host_pwm=50.0),
}


BASELINE = "/var/lib/tcxo-host/baseline.json"


def baseline_json(ppm: float, board_id: str, kernel: str) -> str:
    """What the daemon keeps of its decision."""
    content = {"ppm": ppm, "board_id": board_id, "kernel": kernel}
    return json.dumps({"kind": "tcxo-host baseline", "version": 1, "saved_unix_s": 0, "content": content})


def good(machine_tree: Tree, soc: str, npwm: int = 2) -> Tree:
    """A machine of that kind on which everything is as it should be."""
    running = {0: SQUARE_50_HZ}
    chip = rp1_pwm(0, running) if soc == "bcm2712" else pwm_chip(PWM_BY_SOC[soc], 0, npwm, running)
    clock = {} if soc == "bcm2712" else pwm_clock(1_200_000)
    overlay = "dtoverlay=pwm,pin=12,func=4\n" if soc == "bcm2712" else OVERLAY
    kernel = str(machine_tree["/proc/sys/kernel/osrelease"]).strip()
    decided = {
        "/boot/firmware/config.txt": CONFIG_TXT + overlay,
        BASELINE: baseline_json(0.0, "PYBv1.1", kernel),
    }
    return machine_tree | chip | clock | CHRONY | SERVICE | decided


def without(tree: Tree, *starts: str) -> Tree:
    """The tree without every file whose name starts with one of ``starts``."""
    return {name: content for name, content in tree.items() if not name.startswith(starts)}


PI4_GOOD = good(PI4, "bcm2711")

CPU_TEMPERATURE = "/sys/devices/virtual/thermal/thermal_zone0/temp"
THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
# names and forms: drivers/thermal, drivers/firmware/raspberrypi.c of the Raspberry Pi kernel
HEAT: Tree = {
    "/sys/class/thermal/thermal_zone0": Link("../../devices/virtual/thermal/thermal_zone0"),
    "/sys/devices/virtual/thermal/thermal_zone0/type": "cpu-thermal\n",
    CPU_TEMPERATURE: "48686\n",
    THROTTLED: "0\n",
    "/proc/stat": "cpu  400 0 200 9000 0 0 0 0 0 0\n"
    + "".join(f"cpu{n} 100 0 50 9000 0 0 0 0 0 0\n" for n in range(4))
    + "intr 0\n",
}

CPUFREQ = "/sys/devices/system/cpu/cpufreq/policy0"
# columns and names as a Pi 4's kernel prints them; pps-gpio's interrupt is named after its device tree node
QUIET: Tree = {
    "/sys/devices/system/cpu/possible": "0-3\n",
    f"{CPUFREQ}/scaling_governor": "ondemand\n",
    f"{CPUFREQ}/scaling_available_governors": "conservative ondemand userspace powersave performance schedutil\n",
    f"{CPUFREQ}/scaling_min_freq": "300000\n",
    f"{CPUFREQ}/cpuinfo_max_freq": "1500000\n",
    "/proc/interrupts": "           CPU0       CPU1       CPU2       CPU3\n"
    " 11:     523456     411111     402222     398765     GICv2  30 Level     arch_timer\n"
    " 38:       7777          0          0          0     GICv2 189 Level     eth0\n"
    "203:       1200        900          0          0  pinctrl-bcm2835  18 Edge      pps@12.-1\n"
    "IPI0:       100        100        100        100  Rescheduling interrupts\n"
    "Err:          0\n",
    "/proc/irq/203/smp_affinity_list": "0-3\n",
    "/proc/irq/38/smp_affinity_list": "0-3\n",
}

TREES: dict[str, Tree] = {
    "pi-zero-good": good(PI_ZERO, "bcm2835"),
    "pi2-good": good(PI2, "bcm2836"),
    "pi3-no-overlay": without(
        good(PI3, "bcm2837") | {"/boot/firmware/config.txt": CONFIG_TXT},
        "/sys/class/pwm", "/sys/devices", "/proc/device-tree/soc", "/run/tcxo", "/etc/systemd/system/multi-user",
    ),
    "pi4-good": PI4_GOOD,
    "pi5": good(PI5, "bcm2712"),
}  # fmt: skip


def write_all(data: Path = DATA) -> None:
    """Replace every tree of ``TREES`` below ``data``."""
    for name, tree in TREES.items():
        shutil.rmtree(data / name, ignore_errors=True)
        write_tree(data / name, tree)


if __name__ == "__main__":
    write_all()
