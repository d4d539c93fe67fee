"""The doctor on a tree of every model, and on every way in which a good Pi 4 can be spoilt."""

# ruff: noqa: E501 - the table of faults reads best with a fault a line

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import pi_trees as trees
from support.pi_trees import BY_ID, CONFIG_TXT, PI4_GOOD, Link, Tree, status_json, without
from support.running import Running
from tcxo_host.cli import doctor as command
from tcxo_host.cli import status
from tcxo_host.link.interface import Link as BoardLink
from tcxo_host.pi.doctor.check import Finding, Level
from tcxo_host.pi.doctor.examine import as_text, examine, make_subject, worst
from tcxo_host.pi.root import Root


def no_link(url: str, baud: int) -> BoardLink:
    raise AssertionError(f"nobody should open {url} at {baud}")


def diagnose(base: Path) -> dict[str, Finding]:
    findings = examine(make_subject(Root(base), None, no_link))
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names)
    for finding in findings:
        assert "\n" not in finding.text
        assert bool(finding.remedy) == (finding.level is not Level.OK), finding
    return {finding.name: finding for finding in findings}


@pytest.mark.parametrize("name", trees.TREES)
def test_the_trees_in_tests_data_are_the_ones_described(name: str) -> None:
    def as_bytes(tree: Tree) -> Tree:
        return {key: text.encode() if type(text) is str else text for key, text in tree.items()}

    assert trees.read_tree(trees.DATA / name) == as_bytes(trees.TREES[name]), (
        "run python tests/support/pi_trees.py"
    )


@pytest.mark.parametrize("name", ["pi-zero-good", "pi2-good", "pi4-good"])
def test_a_good_pi_has_nothing_to_complain_of(name: str) -> None:
    findings = diagnose(trees.DATA / name)
    assert {finding.level for finding in findings.values()} == {Level.OK}, as_text(list(findings.values()))
    assert len(findings) >= 15


def test_pi_zero_names_its_constant_bias() -> None:
    assert "constant bias -2.543 ppm" in diagnose(trees.DATA / "pi-zero-good")["pwm"].text


def test_pi_5_fails_for_its_crystal_alone() -> None:
    findings = diagnose(trees.DATA / "pi5")
    bad = {name for name, finding in findings.items() if finding.level is not Level.OK}
    assert bad == {"model"}
    assert "RP1's own 50 MHz crystal" in findings["model"].text
    assert "--source uart" in findings["model"].remedy


def test_pi_3_without_overlay_names_the_line() -> None:
    findings = diagnose(trees.DATA / "pi3-no-overlay")
    for name in ("overlay", "pwm"):
        assert findings[name].level is Level.FAIL
        assert "dtoverlay=pwm,pin=12,func=4,clock=1200000" in findings[name].remedy
    assert findings["output"].level is Level.FAIL
    assert findings["service"].level is Level.WARN
    assert "apparmor" not in findings  # where the file will really be is not known yet


def keys(values: Any) -> Any:
    """The names of everything in a status, nested as they are."""
    if isinstance(values, dict):
        return {name: keys(value) for name, value in values.items()}
    return [keys(value) for value in values] if isinstance(values, list) else None


def test_the_status_in_tests_data_is_one_of_this_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Running(tmp_path)
    daemon.run(3)
    daemon.outputs.close()
    path = trees.DATA / "pi4-good/run/tcxo-host/status.json"
    assert keys(json.loads(path.read_text())) == keys(json.loads(daemon.status.read_text()))
    parser = argparse.ArgumentParser()
    status.add_parser(parser.add_subparsers())
    assert status.main(parser.parse_args(["status", "--file", str(path)])) == 69  # nobody renews it
    shown = capsys.readouterr().out
    assert "it was: track" in shown
    assert "PYBv1.1, firmware 0.1.0" in shown


def put(name: str, content: str | bytes) -> Callable[[Tree], Tree]:
    return lambda tree: tree | {name: content}


def drop(*names: str) -> Callable[[Tree], Tree]:
    return lambda tree: without(tree, *names)


def tempcomp(line: str) -> Callable[[Tree], Tree]:
    return put("/etc/chrony/conf.d/tcxo.conf", line + "\n")


def pwm_state(period: int, duty: int, enable: int) -> Callable[[Tree], Tree]:
    return lambda tree: tree | trees.pwm_chip(trees.PWM_BY_SOC["bcm2711"], 0, 2, {0: (period, duty, enable)})


TOML = "/etc/tcxo-host.toml"
I2C_TOML = '[link]\nurl = "i2c:1:0x04"\n[output]\nstatus = "/run/tcxo-host/status.json"\n'
FAIL, WARN, OK = Level.FAIL, Level.WARN, Level.OK

# how it is spoilt, which check sees it, how bad it is, what it says, what it advises
SPOILT = {
    "not a Pi": (drop("/proc/device-tree"), "model", FAIL, "not a Raspberry Pi", "run tcxo-host on the"),
    "unknown model": (
        put("/proc/device-tree/compatible", b"acme,board\0"), "model", FAIL, "unknown model 'Raspberry Pi 4", "",
    ),
    "old kernel": (put("/proc/sys/kernel/osrelease", "5.10.103-v8+"), "kernel", WARN, "400 ppm", "full-upgrade"),
    "no overlay": (put("/boot/firmware/config.txt", CONFIG_TXT), "overlay", FAIL, "no pwm overlay", "clock=1200000"),
    "overlay commented out": (
        put("/boot/firmware/config.txt", "#dtoverlay=pwm,pin=12,func=4,clock=1200000\n"),
        "overlay", FAIL, "no pwm overlay", "add to /boot/firmware/config.txt",
    ),
    "overlay on its default pin": (
        put("/boot/firmware/config.txt", "dtoverlay=pwm\n"), "overlay", FAIL, "GPIO18", "pin=12",
    ),
    "overlay clock left out": (
        put("/boot/firmware/config.txt", "dtoverlay=pwm,pin=12,func=4\ndtparam=audio=off\n"),
        "overlay", WARN, "1200000 is exact", "clock=1200000",
    ),
    "two-channel overlay": (
        put("/boot/firmware/config.txt", "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4,clock=1200000\n"),
        "overlay", OK, "pwm-2chan", "",
    ),
    "clock not exact": (
        lambda tree: tree | trees.pwm_clock(17_000_000), "pwm", WARN, "not exact: bias .* jitter", "config.txt",
    ),
    "not exported": (
        lambda tree: without(tree, "/sys/devices") | trees.pwm_chip(trees.PWM_BY_SOC["bcm2711"]),
        "pwm", FAIL, "not exported", "tcxo-host pwm setup",
    ),
    "other rate": (pwm_state(1_000_000, 500_000, 1), "pwm", FAIL, "1000 Hz", "tcxo-host pwm setup"),
    "disabled": (pwm_state(20_000_000, 10_000_000, 0), "pwm", FAIL, "disabled", "tcxo-host pwm setup"),
    "audio": (
        put("/boot/firmware/config.txt", "dtparam=audio=on\n" + trees.OVERLAY), "audio", WARN, "analogue audio", "audio=off",
    ),
    "board unplugged": (drop("/dev/"), "device", FAIL, "is not there", "plug the board in"),
    "other board plugged in": (
        lambda tree: without(tree, "/dev/") | {"/dev/serial/by-id/usb-Arduino-if00": Link("../../ttyACM0")},
        "device", FAIL, "there is usb-Arduino-if00", "by-id",
    ),
    "unstable name": (
        put(TOML, '[link]\nurl = "serial:/dev/ttyACM0"\n'), "device", WARN, "another device may get", BY_ID,
    ),
    "no i2c": (put(TOML, I2C_TOML), "device", FAIL, "/dev/i2c-1 is not there", "raspi-config"),
    "i2c too fast": (
        lambda tree: tree | {
            TOML: I2C_TOML, "/dev/i2c-1": "",
            "/proc/device-tree/soc/i2c@7e804000/clock-frequency": (400_000).to_bytes(4, "big"),
        },
        "i2c bus", WARN, "400 kHz", "i2c_arm_baudrate=100000",
    ),
    "i2c on a Pi 3": (
        lambda tree: tree | trees.PI3 | {TOML: I2C_TOML, "/dev/i2c-1": ""},
        "i2c bus", WARN, "clock stretching", "i2c-gpio",
    ),
    "no configuration": (drop(TOML), "config", WARN, "built-in values", "tcxo-host install"),
    "typing error": (
        put(TOML, '[link]\nurl = "serial:x"\nbuad = 1\n'), "config", FAIL, "/etc/tcxo-host.toml: link.buad: unknown key", "mend",
    ),
    "not installed": (drop("/etc/systemd"), "service", WARN, "not installed", "tcxo-host install"),
    "not enabled": (drop("/etc/systemd/system/multi"), "service", WARN, "not enabled", "enable --now"),
    "stopped": (drop("/sys/fs/cgroup"), "service", FAIL, "not running", "journalctl"),
    "no GPS": (
        put("/run/tcxo-host/status.json", status_json(rtc_pps=1.0, host_pwm=50.0)), "gps pps", FAIL, "no such channel", "flash",
    ),
    "PWM wire off": (
        lambda tree: tree | {
            "/run/tcxo-host/status.json": str(tree["/run/tcxo-host/status.json"]).replace('"age_s": 0.008', '"age_s": 90.1')
        },
        "host pwm", FAIL, "no edges on X3", "wire GPIO12",
    ),
    "PWM at another rate on the wire": (
        put("/run/tcxo-host/status.json", status_json(gps_pps=1.0, host_pwm=100.0)), "host pwm", FAIL, "expected 50 Hz", "setup",
    ),
    "no rate yet": (
        put("/run/tcxo-host/status.json", status_json(gps_pps=1.0, host_pwm=50.0).replace('"seen_hz": 50.0', '"old_hz": 50.0')),
        "host pwm", OK, "rate not known yet", "",
    ),
    "the daemon holds": (
        lambda tree: tree | {
            "/run/tcxo-host/status.json": str(tree["/run/tcxo-host/status.json"]).replace(
                '"state": "track", "reason": ""', '"state": "hold", "reason": "PWM lost"')
        },
        "daemon", WARN, "says hold: PWM lost", "status --watch",
    ),
    "a trial holds the file": (
        lambda tree: tree | {
            "/run/tcxo-host/status.json": str(tree["/run/tcxo-host/status.json"]).replace(
                '"state": "track", "reason": ""', '"state": "track", "reason": "held by a trial until 12:00:00 UTC"')
        },
        "daemon", OK, "measures; the file is held by a trial until 12:00:00 UTC", "",
    ),
    "no RTC is fine": (
        put("/run/tcxo-host/status.json", status_json(gps_pps=1.0, host_pwm=50.0)), "rtc pps", OK, "no such channel", "",
    ),
    "nothing published": (drop("/run/tcxo"), "output", FAIL, "not there", "journalctl"),
    "output is a folder": (
        lambda tree: without(tree, "/run/tcxo-host/tcxo") | {"/run/tcxo-host/tcxo/x": ""}, "output", FAIL, "not a file", "rm -r",
    ),
    "the file of another program": (
        lambda tree: without(tree, "/run/tcxo") | {"/run/tcxo": "0.123\n", "/etc/tmpfiles.d/tcxo-host.conf": "x\n"},
        "output", FAIL, "another program's file", "fuser /run/tcxo.*systemd-tmpfiles --create",
    ),
    "nothing is remembered": (
        lambda tree: tree | {TOML: str(tree[TOML]).partition("[state]")[0]},
        "baseline", WARN, "decided anew at every start", "state.json",
    ),
    "a fixed baseline": (
        lambda tree: tree | {TOML: str(tree[TOML]).replace("[output]", "[output]\nbaseline = 12.5")},
        "baseline", OK, r"fixed at \+12.5 ppm", "",
    ),
    "no baseline yet": (drop("/var/lib/tcxo-host"), "baseline", OK, "not decided yet", ""),
    "a damaged baseline": (put(trees.BASELINE, "{"), "baseline", FAIL, "damaged", "rm /var/lib/tcxo-host/baseline.json"),
    "a baseline under another kernel": (
        put(trees.BASELINE, trees.baseline_json(6, "PYBv1.1", "6.1.21-v8+")),
        "baseline", WARN, r"\+6 ppm was decided under kernel 6.1.21-v8\+; under 6.6.31", "baseline --set 6",
    ),
    "a baseline with another board": (
        put(trees.BASELINE, trees.baseline_json(6, "PYBD", "6.6.31+rpt-rpi-v8")), "baseline", WARN, "board PYBD", "baseline --set 6",
    ),
    "out of range": (put("/run/tcxo-host/tcxo", "-12.5\n"), "output", FAIL, r"'-12.5'.*±10 ppm", "fuser"),
    "a comma": (put("/run/tcxo-host/tcxo", "0,25\n"), "output", FAIL, "'0,25'", "fuser"),
    "not a number": (put("/run/tcxo-host/tcxo", "nan\n"), "output", FAIL, "'nan'", "fuser"),
    "no chrony": (drop("/usr/sbin/chronyd"), "chrony", FAIL, "not installed", "apt install chrony"),
    "ancient chrony": (
        put("/var/lib/dpkg/status", "Package: chrony\nStatus: x\nVersion: 3.4-4\n"), "chrony", WARN, "3.4-4", "full-upgrade",
    ),
    "timesyncd too": (
        lambda tree: tree | {
            "/usr/lib/systemd/systemd-timesyncd": "",
            "/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service": Link("/usr/lib/x.service"),
        },
        "rivals", WARN, "systemd-timesyncd.service is enabled", "disable --now",
    ),
    "no chrony configuration": (drop("/etc/chrony/chrony.conf"), "tempcomp", FAIL, "no configuration file", "reinstall"),
    "no tempcomp": (tempcomp("# tempcomp /run/tcxo 1 0 0 1 0"), "tempcomp", FAIL, "no tempcomp line", "1 0 0 1 0"),
    "no tempcomp before the installation": (
        drop("/etc/chrony/conf.d", "/etc/systemd"), "tempcomp", FAIL, "no tempcomp line", "^sudo tcxo-host install$",
    ),
    "what was installed is not read": (
        lambda tree: tree | {"/etc/chrony/chrony.conf": "pool x\n", "/etc/chrony/conf.d/tcxo-host.conf": "tempcomp x\n"},
        "tempcomp", FAIL, "no tempcomp line", "add to /etc/chrony/chrony.conf: confdir /etc/chrony/conf.d$",
    ),
    "the line that was there at the installation is gone": (
        lambda tree: without(tree, "/etc/chrony/conf.d") | {"/etc/chrony/conf.d/tcxo-host.conf": "# nothing\n"},
        "tempcomp", FAIL, "no tempcomp line", "^sudo tcxo-host install$",
    ),
    "confdir not read": (
        put("/etc/chrony/chrony.conf", "pool x\n"), "tempcomp", FAIL, "no tempcomp line", "1 0 0 1 0",
    ),
    "line in the main file through include": (
        lambda tree: without(tree, "/etc/chrony/conf.d") | {
            "/etc/chrony/chrony.conf": "include /etc/chrony/*.inc\n",
            "/etc/chrony/tcxo.inc": "TempComp /run/tcxo 1 0 0 1 0\n",
        },
        "tempcomp", OK, "/etc/chrony/tcxo.inc:1: takes /run/tcxo as it is", "",
    ),
    "the real path in chrony's line": (tempcomp("tempcomp /run/tcxo-host/tcxo 1 0 0 1 0"), "tempcomp", OK, "as it is", ""),
    "another file": (tempcomp("tempcomp /run/other 1 0 0 1 0"), "tempcomp", FAIL, "reads /run/other", "/run/tcxo 1"),
    "sign turned": (tempcomp("tempcomp /run/tcxo 1 0 0 -1 0"), "tempcomp", FAIL, "error would double", "1 0 0 1 0"),
    "scaled": (tempcomp("tempcomp /run/tcxo 1 0 0 0.5 0"), "tempcomp", FAIL, "k1 = 0.5", "1 0 0 1 0"),
    "a thermometer's curve": (
        tempcomp("tempcomp /run/tcxo 30 26000 0.0 0.000183 0.0"), "tempcomp", FAIL, "k1 = 0.000183", "1 0 0 1 0",
    ),
    "a table": (tempcomp("tempcomp /run/tcxo 1 /etc/points"), "tempcomp", FAIL, "table /etc/points", "1 0 0 1 0"),
    "too few words": (tempcomp("tempcomp /run/tcxo 1 0 0 1"), "tempcomp", FAIL, "5 words", "1 0 0 1 0"),
    "a word for a number": (tempcomp("tempcomp /run/tcxo 1 0 0 one 0"), "tempcomp", FAIL, "wants a number", "1 0"),
    "slow": (tempcomp("tempcomp /run/tcxo 30 0 0 1 0"), "tempcomp", WARN, "every 30 s", "1 0 0 1 0"),
    "a baseline in T0": (tempcomp("tempcomp /run/tcxo 1 12.5 0 1 0"), "tempcomp", OK, "constant -12.5 ppm", ""),
    "two lines": (
        tempcomp("tempcomp /run/old 1 0 0 1 0\ntempcomp /run/tcxo 1 0 0 1 0"), "tempcomp", WARN, "ignores .*tcxo.conf:1", "remove",
    ),
    "both outputs": (
        tempcomp("tempcomp /run/tcxo 1 0 0 1 0\nrefclock SOCK /run/chrony.tcxo.sock local"),
        "outputs", FAIL, "corrected twice", "output.sock = false",
    ),
    "apparmor in the way": (
        put("/etc/apparmor.d/local/usr.sbin.chronyd", "/run/tcxo r,\n"),
        "apparmor", FAIL, "does not let it read /run/tcxo-host/tcxo", "tee -a .*apparmor_parser -r",
    ),
    "apparmor not in the kernel": (
        lambda tree: without(tree, "/sys/module", "/etc/apparmor.d/local"), "apparmor", OK, "not active", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT)
def test_each_fault_is_seen_and_mended(tmp_path: Path, case) -> None:
    spoil, name, level, text, remedy = case
    finding = diagnose(trees.write_tree(tmp_path, spoil(dict(PI4_GOOD))))[name]
    assert finding.level is level, finding
    assert re.search(text, finding.text), finding
    assert re.search(remedy, finding.remedy), finding


def test_an_output_closed_to_chronys_user(tmp_path: Path) -> None:
    base = trees.write_tree(tmp_path, PI4_GOOD)
    (base / "run/tcxo-host/tcxo").chmod(0o600)
    assert "tcxo is closed to chrony's user" in diagnose(base)["output"].text
    (base / "run/tcxo-host/tcxo").chmod(0o644)
    (base / "run/tcxo-host").chmod(0o750)
    assert diagnose(base)["output"].remedy == "sudo chmod o+rX /run/tcxo-host"


def run_command(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["doctor", *argv])
    return int(args.main(args))


def test_the_command_ends_with_the_worst_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--root", str(trees.DATA / "pi4-good")) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[-1].endswith("ok, 0 warnings, 0 failures")
    assert len(text.splitlines()) < 25
    assert run_command("--root", str(trees.DATA / "pi5"), "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert told["worst"] == "fail"
    assert told["findings"][0]["name"] == "model"


@pytest.mark.parametrize(
    ("levels", "summary"),
    [
        ([OK], "1 ok, 0 warnings, 0 failures"),
        ([WARN, FAIL], "0 ok, 1 warning, 1 failure"),
        ([WARN, WARN, FAIL, FAIL], "0 ok, 2 warnings, 2 failures"),
    ],
)
def test_the_summary_counts_in_good_english(levels: list[Level], summary: str) -> None:
    assert as_text([Finding("x", level, "y") for level in levels]).splitlines()[-1] == summary


def test_nothing_at_all(tmp_path: Path) -> None:
    findings = list(diagnose(tmp_path).values())
    assert worst(findings) is Level.FAIL
