"""What ``install --ptp`` writes, and that both linuxptp of Debian 12 (3.1.1) and of Debian 13 (4.2) take it."""

import argparse
import os
import subprocess
import time
from pathlib import Path

import pytest
from support import pi_trees as trees
from support.two_hosts import TwoHosts
from tcxo_host.cli import doctor, install, uninstall
from tcxo_host.config.load import load_config
from tcxo_host.config.settings import PtpConfig
from tcxo_host.errors import UnavailableError, UsageError
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.check_ptp import judge_answers
from tcxo_host.pi.install.files import remembered_options
from tcxo_host.pi.ptp.configuration import CONF, PtpOptions, linuxptp_text
from tcxo_host.pi.ptp.hardware import HARDWARE, choose_timestamping, parse_ethtool, ptp_hardware
from tcxo_host.pi.root import Root

NET = {
    "/sys/class/net/eth0/device/uevent": "",
    "/sys/class/net/wlan0/device/uevent": "",
    "/sys/class/net/wlan0/phy80211/index": "0\n",
    "/sys/class/net/lo/mtu": "65536\n",
}
LINUXPTP = "Package: linuxptp\nStatus: install ok installed\nVersion: {}\n\n"
FRESH = trees.without(trees.PI4_GOOD, "/run", "/etc/tcxo-host.toml", "/etc/systemd", "/etc/chrony/conf.d")


def tree(version="3.1.1-4", model=trees.PI4, base=FRESH):
    dpkg = base["/var/lib/dpkg/status"] + LINUXPTP.format(version)
    return base | model | NET | {"/var/lib/dpkg/status": dpkg}


def do(command, base, *argv):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    name = command.__name__.rpartition(".")[2]
    extra = ("--executable", "/opt/t/bin/tcxo-host") if command is install else ()
    args = parser.parse_args([name, "--root", str(base), *extra, *argv])
    return command.run(args, Root(base), None)


@pytest.mark.parametrize(
    ("version", "role", "line"),
    [
        ("3.1.1-4", "server", "masterOnly 1"),
        ("4.2-1", "server", "serverOnly 1"),
        ("3.1.1-4", "client", "slaveOnly 1"),
        ("4.2-1", "client", "clientOnly 1"),
    ],
)
def test_install_writes_what_the_version_knows_and_uninstall_takes_it_away(tmp_path, version, role, line):
    trees.write_tree(tmp_path, tree(version))
    before = trees.read_tree(tmp_path)
    assert do(install, tmp_path, "--ptp", role) == 0
    text = Root(tmp_path).read(CONF)
    assert line in [" ".join(each.split()) for each in text.splitlines()]
    unit = Root(tmp_path).read("/etc/systemd/system/tcxo-host-ptp4l.service")
    assert f"ptp4l -f {CONF} -i eth0" in unit
    assert do(uninstall, tmp_path) == 0
    assert trees.read_tree(tmp_path) == before


def test_a_server_also_tells_the_daemon(tmp_path):
    trees.write_tree(tmp_path, tree())
    do(install, tmp_path, "--ptp", "server")
    config = load_config(tmp_path / "etc/tcxo-host.toml").ptp
    assert (config.enabled, config.timestamping) == (True, "software")
    assert not Root(tmp_path).exists("/etc/systemd/system/tcxo-host-phc2sys.service"), (
        "no hardware clock to set"
    )
    drop_in = Root(tmp_path).read("/etc/systemd/system/tcxo-host.service.d/ptp.conf")
    assert '/usr/sbin/pmc -u -b 0 -d 0 -i /run/tcxo-host/pmc.sock.stop -s /run/ptp4l "$$(cat ' in drop_in


def test_a_cm4_stamps_in_hardware_and_phc2sys_sets_its_clock(tmp_path):
    trees.write_tree(tmp_path, tree("4.2-1", trees.CM4))
    do(install, tmp_path, "--ptp", "server")
    text = " ".join(Root(tmp_path).read(CONF).split())
    for line in (
        "time_stamping hardware",
        "tx_timestamp_timeout 100",
        "ptp_minor_version 0",
        "delay_mechanism E2E",
    ):
        assert line in text
    unit = Root(tmp_path).read("/etc/systemd/system/tcxo-host-phc2sys.service")
    assert "-s CLOCK_REALTIME -c eth0" in unit


def test_a_client_is_chronys_and_needs_no_board(tmp_path):
    trees.write_tree(tmp_path, tree("4.2-1", trees.PI5))
    do(install, tmp_path, "--ptp", "client")
    root = Root(tmp_path)
    assert "refclock PHC /dev/ptp0 tai" in root.read("/etc/chrony/conf.d/tcxo-host-ptp.conf")
    assert not root.exists("/etc/systemd/system/tcxo-host-phc2sys.service"), "one of them, never both"
    assert not root.exists("/etc/systemd/system/tcxo-host.service")


def test_a_client_without_hardware_hands_it_over_by_shared_memory(tmp_path):
    trees.write_tree(tmp_path, tree())
    do(install, tmp_path, "--ptp", "client")
    assert "refclock SHM 1 refid PTP" in Root(tmp_path).read("/etc/chrony/conf.d/tcxo-host-ptp.conf")
    assert "clock_servo ntpshm" in " ".join(Root(tmp_path).read(CONF).split())


def test_an_upgrade_is_one_of_the_same(tmp_path):
    trees.write_tree(tmp_path, tree())
    do(install, tmp_path, "--ptp", "server", "--interface", "eth0")
    unit = tmp_path / "etc/systemd/system/tcxo-host-ptp4l.service"
    unit.unlink()
    assert do(install, tmp_path, "--upgrade") == 0
    assert unit.exists()
    assert load_config(tmp_path / "etc/tcxo-host.toml").ptp.enabled
    do(install, tmp_path, "--ptp", "client", "--force")
    assert remembered_options(Root(tmp_path))["ptp"] == "server", "the board's own installation stays the one"


@pytest.mark.parametrize(
    ("argv", "error", "words"),
    [
        (["--ptp", "server", "--interface", "eth9"], UsageError, "eth9 is not there: there are eth0"),
        (["--interface", "eth0"], UsageError, "--interface is for --ptp"),
        (["--ptp", "server", "--measure-only"], UsageError, "contradict each other"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, argv, error, words):
    trees.write_tree(tmp_path, tree())
    with pytest.raises(error, match=words):
        do(install, tmp_path, *argv)


def test_without_linuxptp_it_says_what_to_install(tmp_path):
    trees.write_tree(tmp_path, FRESH | NET)
    with pytest.raises(UnavailableError, match="sudo apt install linuxptp"):
        do(install, tmp_path, "--ptp", "server")


ETHTOOL = {
    "cm4": (
        "Time stamping parameters for eth0:\nCapabilities:\n\thardware-transmit\n\tsoftware-transmit\n"
        "\thardware-receive\n\tsoftware-receive\n\tsoftware-system-clock\n\thardware-raw-clock\n"
        "PTP Hardware Clock: 0\nHardware Transmit Timestamp Modes:\n\toff\n\ton\n",
        (True, True, 0),
    ),
    "veth": (
        "Time stamping parameters for pa:\nCapabilities:\n\tsoftware-transmit\n\tsoftware-receive\n"
        "\tsoftware-system-clock\nPTP Hardware Clock: none\n",
        (True, False, None),
    ),
    "nothing": ("", (False, False, None)),
}


@pytest.mark.parametrize("name", ETHTOOL)
def test_what_ethtool_says_is_understood(name):
    text, expected = ETHTOOL[name]
    seen = parse_ethtool(text)
    assert (seen.software, seen.hardware, seen.phc) == expected


def test_a_pi_4_has_no_hardware_stamps_whatever_its_kernel_says(tmp_path):
    seen = parse_ethtool(ETHTOOL["cm4"][0])
    assert choose_timestamping(ptp_hardware(Root(trees.write_tree(tmp_path, trees.PI4))), seen) == "software"
    (tmp_path / "cm4").mkdir()
    cm4 = ptp_hardware(Root(trees.write_tree(tmp_path / "cm4", trees.CM4)))
    assert choose_timestamping(cm4, seen) == "hardware"
    assert choose_timestamping(cm4, parse_ethtool(ETHTOOL["veth"][0])) == "software"


def test_doctor_knows_ptp(tmp_path, capsys):
    trees.write_tree(tmp_path, tree(base=trees.PI4_GOOD))
    do(install, tmp_path, "--ptp", "server", "--force")
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    capsys.readouterr()
    doctor.main(parser.parse_args(["doctor", "--root", str(tmp_path)]))
    shown = capsys.readouterr().out
    assert "ok    ptp        eth0: software time stamps" in shown
    assert "tcxo-host-ptp4l.service is not running" in shown
    assert "ok    quality" in shown
    toml = tmp_path / "etc/tcxo-host.toml"
    toml.write_text(toml.read_text().replace("enabled = true", "enabled = false"))
    doctor.main(parser.parse_args(["doctor", "--root", str(tmp_path)]))
    assert "so the server's claim is not kept true" in capsys.readouterr().out


SERVES = "\t1 seq 0 RESPONSE MANAGEMENT PORT_DATA_SET \n\t\tportState MASTER\n"
FOLLOWS = "\t1 seq 0 RESPONSE MANAGEMENT PORT_DATA_SET \n\t\tportState SLAVE\n"
CLASS = "\t1 seq 1 RESPONSE MANAGEMENT GRANDMASTER_SETTINGS_NP \n\t\tclockClass {}\n"
OFFSET = "\t1 seq 2 RESPONSE MANAGEMENT TIME_STATUS_NP \n\t\tmaster_offset {}\n"


@pytest.mark.parametrize(
    ("text", "is_server", "level", "words"),
    [
        (SERVES + CLASS.format(6), True, Level.OK, "class 6"),
        (SERVES + CLASS.format(52), True, Level.WARN, "class 52 instead of 6"),
        (FOLLOWS, True, Level.WARN, "expected MASTER"),
        (FOLLOWS + OFFSET.format(-250), False, Level.OK, "-250 ns"),
        (FOLLOWS + OFFSET.format(5_000_000), False, Level.WARN, "5000000 ns"),
        (FOLLOWS, False, Level.WARN, "? ns"),
        (SERVES, False, Level.WARN, "expected SLAVE"),
        ("", False, Level.WARN, "does not answer"),
    ],
)
def test_doctor_judges_what_ptp4l_answers(text, is_server, level, words):
    found = judge_answers(text, is_server)
    assert found.level == level
    assert words in found.text


# ---- the real programs

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="left out: network namespaces need root")


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """Debian 13's linuxptp with what it needs, unpacked."""
    folder = tmp_path_factory.mktemp("debian13") / "root"
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--include=linuxptp", "trixie", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("lib", "lib64"):  # a package of Debian 13 makes these links when it is configured
        if not (folder / name).exists():
            (folder / name).symlink_to(f"usr/{name}")
    return folder


@pytest.fixture(scope="module")
def hosts():
    made = TwoHosts()
    yield made
    made.close()


def every_configuration(version):
    for role in ("server", "client"):
        for hardware in HARDWARE:
            for stamping in {"software", hardware.stamping}:
                yield PtpOptions(
                    role, "tcxoa", version, stamping, 0, hardware, PtpConfig(uds="/tmp/tcxo-uds")
                )


def complaint(hosts, conf, log, *chroot):
    """What ptp4l prints until it runs or ends."""
    program = hosts.start("server", *chroot, "/usr/sbin/ptp4l", "-m", "-f", str(conf), "-i", "tcxoa", log=log)
    while program.poll() is None and "INITIALIZING to LISTENING" not in log.read_text():
        time.sleep(0.02)
    running = program.poll() is None
    program.kill()
    program.wait()
    return "" if running else log.read_text()


def accepted(hosts, folder: Path, version, inside=Path("/"), *chroot):
    """Every configuration is parsed and runs; hardware ones end at the veth, which has no such stamps."""
    wrong = []
    for number, options in enumerate(every_configuration(version)):
        conf = folder / f"{number}.conf"
        conf.write_text(linuxptp_text(options))
        place = "/" / conf.relative_to(inside)
        said = complaint(hosts, place, folder / f"{number}.log", *chroot)
        if options.timestamping == "hardware":
            if "does not support requested timestamping mode" not in said:
                wrong.append((options.role, said))
        elif said:
            wrong.append((options.role, said))
    Path("/tmp/tcxo-uds").unlink(missing_ok=True)
    return wrong


@AS_ROOT
@pytest.mark.needs("ptp4l", "ip", "unshare", "nsenter")
def test_linuxptp_3_takes_every_configuration(hosts, tmp_path):
    assert accepted(hosts, tmp_path, (3, 1)) == []


@AS_ROOT
@pytest.mark.needs("mmdebstrap", "ip", "unshare", "nsenter")
def test_linuxptp_4_takes_every_configuration(hosts, newer):
    folder = newer / "tmp/conf"
    folder.mkdir()
    assert accepted(hosts, folder, (4, 2), newer, "chroot", str(newer)) == []


@AS_ROOT
@pytest.mark.needs("mmdebstrap", "ip", "unshare", "nsenter")
def test_a_word_that_the_version_does_not_know_is_refused(hosts, newer, tmp_path):
    """So that accepting means something."""
    options = next(every_configuration((4, 2)))
    conf = tmp_path / "x.conf"
    conf.write_text(linuxptp_text(options))
    said = complaint(hosts, conf, tmp_path / "log")
    assert "serverOnly" in said


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", ["tcxo-host-ptp4l.service", "tcxo-host-phc2sys.service"])
def test_systemd_takes_the_units(tmp_path, unit):
    trees.write_tree(tmp_path, tree("4.2-1", trees.CM4))
    do(install, tmp_path, "--ptp", "server")
    path = tmp_path / "etc/systemd/system" / unit
    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if unit in line and "not executable" not in line]
    assert ours == [], done.stderr
