"""A UART as the signal from installing to uninstalling, on trees of a Pi 5, a Pi 3 and a PC."""

import argparse
import json
import logging
import re

import pytest
from support import pi_trees as trees
from support import uart_trees as uarts
from tcxo_host.cli import doctor, install, uninstall
from tcxo_host.config.load import load_config, parse_config
from tcxo_host.config.settings import Config, PhaseConfig
from tcxo_host.config.source import SourceConfig, check_signal
from tcxo_host.errors import ConfigError, UnavailableError, UsageError
from tcxo_host.pi.doctor.check import Level, Subject
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.install.words import cut_words, put_back
from tcxo_host.pi.phase_output import NoPhase, open_phase
from tcxo_host.pi.root import Root
from tcxo_host.pi.source import known_model, ready_source, timing_of
from tcxo_host.pi.uart.port import find_uart

CMDLINE = "boot/firmware/cmdline.txt"
UART = SourceConfig(signal="uart:/dev/ttyAMA10")


def do(command, base, *argv):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    name = command.__name__.rpartition(".")[2]
    extra = ("--executable", "/opt/tcxo-host/bin/tcxo-host") if command is install else ()
    args = parser.parse_args([name, "--root", str(base), *extra, *argv])
    return command.main(args) if command is doctor else command.run(args, Root(base), pytest.fail)


def written(base):
    return set(trees.read_tree(base))


@pytest.fixture
def pi5(tmp_path):
    return trees.write_tree(tmp_path / "root", uarts.PI5_BARE)


def test_a_dry_run_on_a_pi_5_shows_the_whole_way_and_changes_nothing(pi5, capsys):
    before = trees.read_tree(pi5)
    assert do(install, pi5, "--dry-run") == 0
    assert trees.read_tree(pi5) == before
    shown = capsys.readouterr().out
    assert '| signal = "uart:/dev/ttyAMA10"' in shown
    assert "| console=tty1 root=PARTUUID" in shown
    assert "| tempcomp /run/tcxo 1 0 0 1 0" in shown
    assert "run     systemctl restart tcxo-host.service" in shown
    assert "tcxo-host-pwm.service" not in shown.replace("After=tcxo-host-pwm", "").replace(
        "Wants=tcxo-host-pwm", ""
    )
    assert "pwm," not in shown


def test_install_on_a_pi_5_and_uninstall_leave_it_as_it_was(pi5, capsys):
    before = trees.read_tree(pi5)
    assert do(install, pi5) == 0
    assert (
        "reboot once, so that no console is on the UART any more (console=serial0,115200)"
        in capsys.readouterr().out
    )
    assert (pi5 / CMDLINE).read_text() == uarts.CMDLINE.removeprefix("console=serial0,115200 ")
    config = load_config(pi5 / "etc/tcxo-host.toml")
    assert (config.source, config.host_rate_hz) == (UART, 50.0)
    service = (pi5 / "etc/systemd/system/tcxo-host.service").read_text()
    assert {"DeviceAllow=char-ttyAMA rw", "DeviceAllow=char-ttyS rw"} <= set(service.splitlines())
    assert "m tcxo-host dialout" in (pi5 / "etc/sysusers.d/tcxo-host.conf").read_text()
    assert do(install, pi5) == 0
    assert do(uninstall, pi5) == 0
    assert "reboot once, so that the console is there again" in capsys.readouterr().out
    assert trees.read_tree(pi5) == before


def test_a_command_line_that_was_edited_meanwhile_keeps_the_edit(pi5):
    do(install, pi5)
    (pi5 / CMDLINE).write_text("quiet console=tty1\n")
    do(uninstall, pi5)
    assert (pi5 / CMDLINE).read_text() == "console=serial0,115200 quiet console=tty1\n"


def test_a_pi_4_takes_its_header_uart_when_asked(tmp_path):
    tree = trees.without(trees.PI4_GOOD, "/etc/tcxo-host", "/etc/systemd", "/etc/chrony/conf.d", "/run")
    # until the reboot Bluetooth has the PL011, and serial0 is the mini UART
    before = {"/dev/serial0": trees.Link("ttyS0"), f"/{CMDLINE}": uarts.CMDLINE}
    base = trees.write_tree(tmp_path, tree | before | {"/boot/firmware/config.txt": trees.CONFIG_TXT})
    assert do(install, base, "--source", "uart") == 0
    assert "serial0" not in (base / CMDLINE).read_text()
    lines = (base / "boot/firmware/config.txt").read_text().splitlines()
    assert lines[-5:] == [
        "# tcxo-host begin",
        "[all]",
        "enable_uart=1",
        "dtoverlay=disable-bt",
        "# tcxo-host end",
    ]
    assert load_config(base / "etc/tcxo-host.toml").source == SourceConfig(signal="uart:/dev/ttyAMA0")


def test_a_pc_with_a_16550_gets_480_baud(tmp_path):
    base = trees.write_tree(tmp_path, uarts.PC_UART | trees.without(trees.CHRONY, "/etc/chrony/conf.d"))
    assert do(install, base, "--source", "uart:/dev/ttyS0") == 0
    config = load_config(base / "etc/tcxo-host.toml")
    assert (config.source.baud, config.host_rate_hz) == (480, 48.0)


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, pi5):
    for argv, words in (
        (("--source", "pwm"), "RP1"),
        (("--source", "uart:/dev/ttyAMA0"), "RP1 chip"),
        (("--source", "uart:/dev/ttyUSB7"), "not there"),
        (("--phase",), "a UART's edges"),
    ):
        before = written(pi5)
        with pytest.raises(UnavailableError, match=words):
            do(install, pi5, *argv)
        assert written(pi5) == before
    with pytest.raises(UnavailableError, match="not a Raspberry Pi"):
        do(install, trees.write_tree(tmp_path / "pc", trees.CHRONY), "--source", "uart")


@pytest.mark.parametrize(
    "signal", ["", "uart", "uart:", "uart:ttyAMA0", "uart:/dev/tty AMA0", "PWM", 'uart:/dev/"x']
)
def test_another_signal_is_one_sentence(signal):
    with pytest.raises(ConfigError, match="x: .*expected pwm, or uart: and a device"):
        parse_config(f"[source]\nsignal = {json.dumps(signal)}\n".encode(), "x")
    with pytest.raises(UsageError, match="expected pwm, or uart: and a device"):
        check_signal(signal)


def test_one_port_cannot_be_link_and_signal(pi5):
    with pytest.raises(ConfigError, match="cannot be both the link to the board and the signal"):
        do(install, pi5, "--link", "serial:/dev/serial0")
    config = parse_config(
        b'[link]\nurl = "serial:/dev/ttyAMA10"\n[source]\nsignal = "uart:/dev/serial0"\n', "x"
    )
    with pytest.raises(ConfigError, match="cannot be both"):
        ready_source(Root(pi5), config)
    found = {each.name: each for each in examine(Subject(Root(pi5), config))}
    assert found["uart"].level is Level.FAIL


def test_what_an_installation_with_the_pwm_left_is_told(pi5, capsys):
    do(install, pi5, "--measure-only")
    do(install, pi5)
    assert "sudo systemctl disable --now tcxo-host-pwm.service" in capsys.readouterr().out


def test_the_nominal_rate_has_one_owner():
    def rate(text):
        return parse_config(text.encode(), "x").host_rate_hz

    assert rate("") == 50.0
    assert rate("[pwm]\nrate_hz = 100\n") == 100.0
    assert rate('[pwm]\nmode = "off"\n') is None
    assert rate('[source]\nsignal = "uart:/dev/ttyS0"\nbaud = 480\n') == 48.0
    assert rate('[source]\nsignal = "uart:/dev/ttyS0"\nbaud = 480\nrate_hz = 48.076923\n') == 48.076923


def findings(tmp_path, tree):
    base = trees.write_tree(tmp_path, tree)
    subject = make_subject(Root(base), None, lambda *_: pytest.fail("no live link on a copy"))
    return {each.name: each for each in examine(subject)}


def test_a_pi_5_by_its_uart_has_nothing_to_complain_of(tmp_path):
    found = findings(tmp_path, uarts.PI5_GOOD)
    assert {name for name, each in found.items() if each.level is not Level.OK} == set()
    assert found["uart"].text == (
        "50 Hz on /dev/ttyAMA10 (TX of the debug connector), exact: 9216000 Hz / 16 / 1152 / 10; by its device tree,"
        " not tried on hardware"
    )
    assert found["console"].text == "nobody else is on /dev/ttyAMA10"
    assert not {"model", "overlay", "pwm", "audio"} & found.keys()


GETTY = "/etc/systemd/system/getty.target.wants/serial-getty@ttyAMA10.service"


@pytest.mark.parametrize(
    ("spoil", "name", "words", "remedy"),
    [
        ({"/boot/firmware/cmdline.txt": uarts.CMDLINE}, "console", "puts a console", "console=serial0,115200"),
        ({"/proc/consoles": "ttyAMA10 -W- (EC p a) 204:74\n"}, "console", "the kernel prints", "console=ttyAMA10"),
        ({GETTY: trees.Link("/x")}, "console", "is a login on /dev/ttyAMA10", "disable --now serial-getty@ttyAMA10"),
        ({"/proc/9/stat": "9 (agetty) S 1 9 9 52298 9 4\n"}, "console", r"agetty \(process 9\) has", "mask --now"),
        ({"/etc/tcxo-host.toml": '[source]\nsignal = "uart:/dev/ttyAMA0"\n'}, "uart", "RP1 chip", "uart:/dev/ttyAMA10"),
        ({"/etc/tcxo-host.toml": '[source]\nsignal = "uart:/dev/ttyS9"\n'}, "uart", "not there", "uart:/dev/ttyAMA10"),
        (
            {"/etc/tcxo-host.toml": '[source]\nsignal = "uart:/dev/ttyAMA10"\n[phase]\nenabled = true\n'},
            "phase", "a UART's edges", "phase.enabled = false",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_with_what_to_do(tmp_path, spoil, name, words, remedy):
    tree = {key: content for key, content in uarts.PI5_GOOD.items() if key not in spoil} | spoil
    finding = findings(tmp_path, tree)[name]
    assert finding.level is Level.FAIL
    assert re.search(words, finding.text), finding.text
    assert remedy in finding.remedy


def test_a_pcs_crystals_are_not_known(tmp_path):
    base = trees.write_tree(tmp_path, uarts.PC_UART)
    config = Config(source=SourceConfig(signal="uart:/dev/ttyS0", baud=480))
    found = {each.name: each for each in examine(Subject(Root(base), config))}
    assert found["uart"].level is Level.WARN
    assert (
        "1843200 Hz / 16 / 240 / 10; whether its clock and the system clock are on one crystal"
        in found["uart"].text
    )


def test_a_pc_whose_uart_clock_is_another_than_the_kernels_is_told_what_to_set(tmp_path):
    status = trees.status_json(gps_pps=1.0, host_pwm=48.076923)
    toml = (
        '[source]\nsignal = "uart:/dev/ttyS0"\nbaud = 480\n[output]\nstatus = "/run/tcxo-host/status.json"\n'
    )
    tree = uarts.PC_UART | {"/etc/tcxo-host.toml": toml, "/run/tcxo-host/status.json": status}
    found = findings(tmp_path, tree)["host pwm"]
    assert "48.077 Hz on X3, expected 48 Hz" in found.text
    assert "source.rate_hz = 48.076923" in found.remedy
    found = findings(
        tmp_path / "set", tree | {"/etc/tcxo-host.toml": toml.replace("480", "480\nrate_hz = 48.076923")}
    )
    assert found["host pwm"].level is Level.OK


def test_a_speed_that_comes_out_wrong_is_refused(tmp_path):
    root = Root(trees.write_tree(tmp_path, uarts.PC_UART))
    port = find_uart(root, "/dev/ttyS0", None)
    with pytest.raises(ConfigError, match=r"makes 50.087 Hz of it .* and not 50 Hz: 480 suits a PC"):
        timing_of(port, SourceConfig(signal="uart:/dev/ttyS0"), None)
    # 24 MHz / 13, as told by the user: the kernel's number of it does not count
    assert timing_of(port, SourceConfig("uart:/dev/ttyS0", 480, 48.076923), None)


def test_the_daemon_says_what_it_cannot_start(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="tcxo_host")
    root = Root(trees.write_tree(tmp_path, uarts.PI5_GOOD))
    with pytest.raises(UnavailableError, match="RP1 chip"):
        ready_source(root, Config(source=SourceConfig(signal="uart:/dev/ttyAMA0")))
    assert known_model(root).key == "pi5"


def test_phase_is_refused_with_the_reason(tmp_path):
    root = Root(trees.write_tree(tmp_path, trees.PI3 | uarts.PI3_UART))
    config = Config(source=SourceConfig(signal="uart:/dev/ttyAMA0"), phase=PhaseConfig(enabled=True))
    output = open_phase(config, root)
    assert isinstance(output, NoPhase)
    assert "a UART's edges" in output.about("")["phase"]["reason"]


@pytest.mark.parametrize(
    "text", ["a b c d\n", "b\n", "b", "a b\nsecond b\n", "b a\n", 'x="two  blanks" b y\n', "b c b\n", "a b"]
)
def test_words_come_back_to_their_place_and_nothing_else_changes(text):
    first = text.partition("\n")[0].split()
    words = [(place, word) for place, word in enumerate(first) if word == "b"]
    without = cut_words(text, words)
    assert "b" not in without.partition("\n")[0].split()
    if len(words) == 1:
        assert put_back(without, words) == text
    assert put_back(text, words) == text
