"""Installing below a tree and taking away again; what is written, judged by the programs that will read it."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import pi_trees as trees
from tcxo_host.cli import doctor, install, uninstall
from tcxo_host.config.load import load_config
from tcxo_host.errors import OutputError, UnavailableError, UsageError
from tcxo_host.pi.install.choices import installed_executable
from tcxo_host.pi.install.plan import CHRONY_VARIANTS, Options, add_block, make_plan, remove_block
from tcxo_host.pi.models import model_by_key
from tcxo_host.pi.root import Root, who_may_change

BARE = trees.without(
    trees.PI4_GOOD,
    *(
        "/etc/systemd",
        "/etc/tcxo-host.toml",
        "/run",
        "/sys/fs",
        "/etc/chrony/conf.d",
        "/sys/class",
        "/sys/devices",
    ),
) | {
    "/boot/firmware/config.txt": trees.CONFIG_TXT,
    "/etc/apparmor.d/local/usr.sbin.chronyd": "# mine\n/run/mine r,\n",
}
EXECUTABLE = "/opt/tcxo-host/bin/tcxo-host"


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A bare Pi 4 with Debian's chrony."""
    return trees.write_tree(tmp_path / "root", BARE)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def do(command, base: Path, *argv: str, commands: list[Sequence[str]] | None = None) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    name = command.__name__.rpartition(".")[2]
    extra = ("--executable", EXECUTABLE) if command is install else ()
    args = parser.parse_args([name, "--root", str(base), *extra, *argv])

    def refuse(run: Sequence[str]) -> int:
        raise AssertionError(f"{run} was run on a copy")

    return command.run(args, Root(base), refuse)


def test_a_dry_run_shows_everything_and_changes_nothing(pi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = trees.read_tree(pi)
    assert do(install, pi, "--dry-run") == 0
    assert trees.read_tree(pi) == before
    shown = capsys.readouterr().out
    assert "write   /etc/systemd/system/tcxo-host.service (new)" in shown
    assert f"| ExecStart={EXECUTABLE} run --config /etc/tcxo-host.toml" in shown
    assert "| dtoverlay=pwm,pin=12,func=4,clock=1200000" in shown
    assert "run     systemctl daemon-reload" in shown


def test_what_blocks_an_installation_blocks_its_dry_run(pi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    do(install, pi)
    unit = pi / "etc/systemd/system/tcxo-host.service"
    unit.write_text(unit.read_text() + "# mine\n")
    for argv in ([], ["--dry-run"]):
        with pytest.raises(OutputError, match=r"tcxo-host\.service: changed since installed, or not ours"):
            do(install, pi, *argv)
    assert "run     systemctl daemon-reload" in capsys.readouterr().out


def test_an_upgrade_installs_again_with_the_same_options(
    pi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    do(install, pi, "--link", "i2c:1:0x55", "--chrony", "ntp", "--pin", "18")
    before = trees.read_tree(pi)
    unit = pi / "etc/systemd/system/tcxo-host.service"
    newer = unit.read_text()
    older = newer.replace("WatchdogSec=60", "WatchdogSec=61")
    unit.write_text(older)
    manifest = pi / "etc/tcxo-host.installed.json"
    manifest.write_text(manifest.read_text().replace(hash_of(newer), hash_of(older)))
    assert do(install, pi, "--upgrade") == 0
    assert trees.read_tree(pi) == before
    with pytest.raises(UsageError, match="--upgrade takes the options of the last time: leave out --pin"):
        do(install, pi, "--upgrade", "--pin", "13")


def test_an_upgrade_needs_to_know_the_options(pi: Path) -> None:
    with pytest.raises(UnavailableError, match="nothing was installed"):
        do(install, pi, "--upgrade")
    do(install, pi)
    manifest = pi / "etc/tcxo-host.installed.json"
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text())["files"])
    )  # as the first versions wrote it
    with pytest.raises(UnavailableError, match="does not say with which options"):
        do(install, pi, "--upgrade")
    assert do(install, pi) == 0, "once with options, and it does"
    assert do(install, pi, "--upgrade") == 0


def test_what_is_done_is_told_to_programs_too(pi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert do(install, pi, "--dry-run", "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["done"], planned["failed"], planned["blocked"]) == (False, None, [])
    assert ["systemctl", "daemon-reload"] in planned["commands"]
    assert any("reboot once" in note for note in planned["notes"])
    assert do(install, pi, "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["files"] == planned["files"]
    assert (done["done"], done["failed"]) == (True, 0)
    assert {each["action"] for each in done["files"]} == {"write"}
    (pi / "etc/udev/rules.d/99-tcxo-host.rules").write_text("mine\n")
    with pytest.raises(OutputError):
        do(install, pi, "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["blocked"] == ["/etc/udev/rules.d/99-tcxo-host.rules"]


def test_install_then_uninstall_leaves_the_machine_as_it_was(pi: Path) -> None:
    before = trees.read_tree(pi)
    assert do(install, pi) == 0
    root = Root(pi)
    assert root.read(
        "/etc/apparmor.d/local/usr.sbin.chronyd",
    ).startswith("# mine\n/run/mine r,\n")  # type: ignore[union-attr]
    assert "/run/tcxo-host/tcxo r," in root.read("/etc/apparmor.d/local/usr.sbin.chronyd")  # type: ignore[operator]
    board = f"serial:/dev/serial/by-id/{trees.BY_ID}"
    assert load_config(root.path("/etc/tcxo-host.toml")).link.url == board
    assert do(uninstall, pi) == 0
    assert trees.read_tree(pi) == before


def test_what_was_installed_pleases_the_doctor(pi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    do(install, pi)
    # what systemd-tmpfiles, the kernel and the daemon do after a reboot
    after_boot = trees.pwm_chip(trees.PWM_BY_SOC["bcm2711"], channels={0: trees.SQUARE_50_HZ})
    after_boot |= {name: text for name, text in trees.SERVICE.items() if name.startswith(("/run", "/sys"))}
    wants = "/etc/systemd/system/multi-user.target.wants/tcxo-host.service"
    trees.write_tree(pi, after_boot | {wants: trees.SERVICE[wants]})
    capsys.readouterr()
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    assert doctor.main(parser.parse_args(["doctor", "--root", str(pi)])) == 0, capsys.readouterr().out


def test_installing_again_changes_nothing(pi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    do(install, pi)
    before = trees.read_tree(pi)
    capsys.readouterr()
    assert do(install, pi) == 0
    assert trees.read_tree(pi) == before
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"same", "next"}


def test_an_edited_configuration_stays_and_other_edits_stop_the_installation(pi: Path) -> None:
    do(install, pi)
    toml, unit = pi / "etc/tcxo-host.toml", pi / "etc/systemd/system/tcxo-host.service"
    toml.write_text('[link]\nurl = "serial:/dev/mine"\n')
    assert do(install, pi, "--link", "serial:/dev/other") == 0
    assert "mine" in toml.read_text()
    unit.write_text("# mine\n")
    (pi / "etc/tmpfiles.d/tcxo-host.conf").unlink()
    with pytest.raises(OutputError, match=r"tcxo-host.service: changed since installed.*nothing was written"):
        do(install, pi)
    assert not (pi / "etc/tmpfiles.d/tcxo-host.conf").exists()
    assert do(install, pi, "--force", "--link", "serial:/dev/other") == 0
    assert "Type=notify" in unit.read_text()
    assert "other" in toml.read_text()


def test_a_newer_version_replaces_what_it_wrote_itself(pi: Path) -> None:
    do(install, pi)
    assert do(install, pi, "--chrony", "ntp") == 0
    assert "refclock PPS /dev/pps0" in (pi / "etc/chrony/conf.d/tcxo-host.conf").read_text()


def test_uninstall_leaves_changed_files_unless_forced(pi: Path) -> None:
    do(install, pi)
    toml = pi / "etc/tcxo-host.toml"
    toml.write_text(toml.read_text() + "# mine\n")
    do(uninstall, pi)
    assert toml.exists()
    assert not (pi / "etc/systemd/system/tcxo-host.service").exists()
    do(uninstall, pi, "--force")
    assert not toml.exists()
    with pytest.raises(UnavailableError, match="nothing was installed"):
        do(uninstall, pi)


def test_nothing_is_half_written(pi: Path) -> None:
    (pi / "etc/udev").write_text("a file where a folder belongs\n")
    before = trees.read_tree(pi)
    with pytest.raises(OutputError, match=r"99-tcxo-host.rules cannot be written .*nothing was changed"):
        do(install, pi)
    assert trees.read_tree(pi) == before


@pytest.mark.parametrize(
    ("spoil", "argv", "error", "words"),
    [
        ("/etc/chrony/chrony.conf", (), UnavailableError, "sudo apt install chrony"),
        ("/proc/device-tree", (), UnavailableError, "not a Raspberry Pi"),
        (None, ("--executable", "/root/.local/bin/tcxo-host"), UsageError, "root's home"),
        (None, ("--pin", "4"), UsageError, "use one of 12, 13, 18, 19"),
        (None, ("--model", "pi5", "--source", "pwm"), UnavailableError, "RP1"),
        (None, ("--link", "i2c:1"), UsageError, "such as i2c:1:0x55"),
        (None, ("--link", 'serial:/dev/tty"ACM0'), UsageError, "expected serial:/dev/ttyACM0"),
        (None, ("--link", "usb"), UsageError, "expected serial:/dev/ttyACM0"),
    ],
)
def test_bad_ground_is_one_sentence(pi: Path, spoil, argv, error, words) -> None:
    if spoil:
        shutil.rmtree(pi / spoil[1:]) if (pi / spoil[1:]).is_dir() else (pi / spoil[1:]).unlink()
    before = trees.read_tree(pi)
    with pytest.raises(error, match=words) as caught:
        do(install, pi, *argv)
    assert "\n" not in str(caught.value)
    assert trees.read_tree(pi) == before


def test_measure_only_leaves_chrony_alone_and_works_on_a_pi_5(tmp_path: Path) -> None:
    base = trees.write_tree(tmp_path, trees.PI5 | {"/boot/firmware/config.txt": ""})
    assert do(install, base, "--measure-only") == 0
    assert not (base / "etc/chrony").exists()
    assert load_config(base / "etc/tcxo-host.toml").output.measure_only
    assert (
        "pwm setup --config /etc/tcxo-host.toml --measure-only"
        in (base / "etc/systemd/system/tcxo-host-pwm.service").read_text()
    )


def test_a_board_on_i2c_gets_its_bus_driver_and_rights(pi: Path) -> None:
    before = trees.read_tree(pi)
    do(install, pi, "--link", "i2c:1:0x55")
    config_txt = (pi / "boot/firmware/config.txt").read_text()
    assert {"dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=100000"} <= set(config_txt.splitlines())
    assert (pi / "etc/modules-load.d/tcxo-host.conf").read_text().splitlines()[-1] == "i2c-dev"
    assert 'GROUP="i2c"' in (pi / "etc/udev/rules.d/99-tcxo-host-i2c.rules").read_text()
    assert 'url = "i2c:1:0x55"' in (pi / "etc/tcxo-host.toml").read_text()
    do(uninstall, pi)
    assert trees.read_tree(pi) == before


def test_a_bus_of_the_users_own_is_left_to_the_user(pi: Path) -> None:
    do(install, pi, "--link", "i2c:3:0x42")
    assert "i2c_arm_baudrate" not in (pi / "boot/firmware/config.txt").read_text()


def test_what_is_learned_outlives_the_daemon(pi: Path) -> None:
    do(install, pi)
    config = load_config(pi / "etc/tcxo-host.toml")
    assert config.state.path.startswith("/var/lib/tcxo-host/")
    assert "StateDirectory=tcxo-host\n" in (pi / "etc/systemd/system/tcxo-host.service").read_text()


def test_blocks_come_and_go_without_a_trace() -> None:
    for text in ("", "a\n", "a\nb", "a\n\n"):
        with_block = add_block(text, "x\n")
        assert add_block(with_block, "x\n") == with_block
        assert "y" in add_block(with_block, "y\n")
        assert remove_block(with_block) == (text if text.endswith("\n") or not text else text + "\n")
    middle = add_block("a\n", "x\n") + "b\n"
    assert add_block(middle, "y\n") == middle.replace("\nx\n", "\ny\n")
    assert remove_block(middle) == "a\nb\n"


def test_chrony_is_not_restarted_with_a_configuration_that_it_refuses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = make_plan(Options(EXECUTABLE, "serial:x"), model_by_key("pi4"), "/boot/config.txt", apparmor=True)
    ran: list[Sequence[str]] = []

    def runner(command: Sequence[str]) -> int:
        ran.append(command)
        return 1 if command[0] == "chronyd" else 0

    assert install.run_commands(plan.commands, runner) == 1
    assert ("systemctl", "try-restart", "chrony.service") not in ran
    assert ("systemctl", "restart", "tcxo-host.service") in ran
    assert "failed with status 1: chronyd -p" in capsys.readouterr().err


@pytest.fixture
def units(pi: Path) -> dict[str, Path]:
    """The installed units, started program replaced by one that is here."""
    do(install, pi)
    found = {}
    for name in ("tcxo-host.service", "tcxo-host-pwm.service"):
        path = pi / "etc/systemd/system" / name
        path.write_text(path.read_text().replace(EXECUTABLE, "/bin/true"))
        found[name] = path
    return found


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_no_fault_with_the_units(units: dict[str, Path]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", *units.values()], capture_output=True, text=True, check=False
    )
    # the machine's own units may have their faults; ours must not
    ours = [line for line in done.stderr.splitlines() if "tcxo-host" in line and "man " not in line]
    assert ours == []


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", ["tcxo-host.service", "tcxo-host-pwm.service"])
def test_the_units_are_closed_tight(units: dict[str, Path], name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", units[name]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    print(f"{name}: {score[1]}")
    assert float(score[1]) <= 3.0


@pytest.mark.needs("systemd-tmpfiles", "systemd-sysusers")
@pytest.mark.skipif(os.geteuid() != 0, reason="left out: only root may make users and folders for them")
def test_sysusers_and_tmpfiles_make_the_arrangement(pi: Path) -> None:
    do(install, pi)
    (pi / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")
    (pi / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["systemd-sysusers", f"--root={pi}"], check=True)
    group = (pi / "etc/group").read_text()
    assert "tcxo-host:x:" in (pi / "etc/passwd").read_text()
    assert re.search(r"^dialout:x:20:tcxo-host$", group, re.MULTILINE)
    assert re.search(r"^i2c:x:\d+:tcxo-host$", group, re.MULTILINE)
    subprocess.run(["systemd-tmpfiles", f"--root={pi}", "--create", "tcxo-host.conf"], check=True)
    assert Root(pi).real("/run/tcxo") == "/run/tcxo-host/tcxo"
    assert (pi / "run/tcxo-host").stat().st_mode & 0o777 == 0o755
    do(uninstall, pi)
    assert not (pi / "run/tcxo").is_symlink()


@pytest.mark.parametrize("before", ["", None], ids=["empty, as chrony's package makes it", "not there"])
def test_a_file_that_held_nothing_but_our_lines_goes_only_where_we_made_it(
    pi: Path, before: str | None
) -> None:
    local = pi / "etc/apparmor.d/local/usr.sbin.chronyd"
    local.unlink()
    if before is not None:
        local.write_text(before)
    assert do(install, pi) == 0
    assert do(install, pi) == 0, "a second time"
    assert do(uninstall, pi) == 0
    assert (local.read_text() if local.exists() else None) == before


@pytest.mark.needs("apparmor_parser")
def test_the_apparmor_snippet_is_one_that_the_parser_takes(pi: Path, tmp_path: Path) -> None:
    do(install, pi)
    profile = tmp_path / "profile"
    local = pi / "etc/apparmor.d/local/usr.sbin.chronyd"
    profile.write_text(f'/usr/sbin/chronyd {{\n  #include "{local}"\n}}\n')
    done = subprocess.run(
        ["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--debug", str(profile)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/run/tcxo-host/tcxo" in done.stdout + done.stderr


def test_the_refclock_replaces_the_tempcomp_line_and_its_socket_is_opened_to_the_service(pi: Path) -> None:
    before = trees.read_tree(pi)
    do(install, pi, "--refclock")
    root = Root(pi)
    assert load_config(pi / "etc/tcxo-host.toml").output.sock
    lines = [
        line
        for line in (root.read("/etc/chrony/conf.d/tcxo-host.conf") or "").splitlines()
        if line and line[0] != "#"
    ]
    assert lines == [
        "refclock SOCK /run/chrony.tcxo.sock refid TCXO local poll 0",
        "log tracking tempcomp statistics refclocks",
    ]
    drop_in = root.read("/etc/systemd/system/chrony.service.d/tcxo-host.conf") or ""
    assert "chgrp tcxo-host /run/chrony.tcxo.sock" in drop_in
    assert root.read("/etc/apparmor.d/local/usr.sbin.chronyd") == "# mine\n/run/mine r,"
    do(uninstall, pi)
    assert trees.read_tree(pi) == before


def test_phase_goes_beside_the_tempcomp_line_and_the_kernels_pps_becomes_a_witness(pi: Path) -> None:
    before = trees.read_tree(pi)
    do(install, pi, "--phase", "--chrony", "ntp")
    root = Root(pi)
    assert load_config(pi / "etc/tcxo-host.toml").phase.enabled
    lines = (root.read("/etc/chrony/conf.d/tcxo-host.conf") or "").splitlines()
    assert "tempcomp /run/tcxo 1 0 0 1 0" in lines
    assert "refclock PPS /dev/pps0 refid PPS poll 4 minsamples 32 noselect" in lines
    assert any(
        line.startswith("refclock SOCK /run/chrony.tcxo-pps.sock pps refid GPSP poll 0") for line in lines
    )
    chrony = root.read("/etc/systemd/system/chrony.service.d/tcxo-host.conf") or ""
    assert "chgrp tcxo-host /run/chrony.tcxo-pps.sock && chmod g+w /run/chrony.tcxo-pps.sock" in chrony
    service = root.read("/etc/systemd/system/tcxo-host.service.d/phase.conf") or ""
    assert "SupplementaryGroups=gpio" in service
    assert "DeviceAllow=/dev/gpiomem r" in service
    assert "SystemCallFilter=adjtimex" in service
    assert "/run/tcxo-host/tcxo r," in (root.read("/etc/apparmor.d/local/usr.sbin.chronyd") or "")
    do(uninstall, pi)
    assert trees.read_tree(pi) == before


def test_phase_is_refused_where_there_are_two_crystals_or_none_is_asked_for(pi: Path) -> None:
    before = trees.read_tree(pi)
    with pytest.raises(UnavailableError, match="fractional divider"):
        do(install, pi, "--phase", "--model", "pi1")
    with pytest.raises(UsageError, match="contradict each other"):
        do(install, pi, "--phase", "--measure-only")
    assert trees.read_tree(pi) == before


@pytest.mark.needs("chronyd")
@pytest.mark.parametrize("variant", CHRONY_VARIANTS)
def test_chronyd_takes_every_variant_with_phase(pi: Path, variant: str) -> None:
    do(install, pi, "--phase", "--chrony", variant)
    command = ["chronyd", "-p", "-f", pi / "etc/chrony/conf.d/tcxo-host.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "GPSP" in done.stdout


@pytest.mark.parametrize(("version", "knows"), [("4.3-2+deb12u1", False), ("4.6.1-3", True)])
def test_late_stamps_are_waited_for_where_chronyd_can(pi: Path, version: str, knows: bool) -> None:
    (pi / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (pi / "var/lib/dpkg/status").write_text(
        f"Package: chrony\nStatus: install ok installed\nVersion: {version}\n\n"
    )
    do(install, pi, "--chrony", "phc")
    assert (
        "\nhwtimestamp *\nhwtstimeout 0.1\n" in (pi / "etc/chrony/conf.d/tcxo-host.conf").read_text()
    ) == knows


@pytest.mark.needs("chronyd")
@pytest.mark.parametrize("variant", CHRONY_VARIANTS)
def test_chronyd_takes_every_variant(pi: Path, variant: str) -> None:
    do(install, pi, "--chrony", variant)
    done = subprocess.run(
        ["chronyd", "-p", "-f", pi / "etc/chrony/conf.d/tcxo-host.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tempcomp /run/tcxo 1 0 0 1 0" in done.stdout
    assert ("refclock " in done.stdout) == (variant != "tempcomp")


@pytest.mark.needs("chronyd")
def test_chronyd_as_its_own_user_reads_the_value_through_the_link() -> None:
    """The generated configuration, the link and the folder's modes, and a real chronyd without privileges."""
    with tempfile.TemporaryDirectory(prefix="tcxo-run-") as name:
        run = Path(name)
        run.chmod(0o755)
        (run / "tcxo-host").mkdir(mode=0o755)
        (run / "tcxo").symlink_to(run / "tcxo-host/tcxo")
        (run / "tcxo-host/tcxo").write_text("-1.234567\n")
        (run / "tcxo-host/tcxo").chmod(0o644)
        options = Options(EXECUTABLE, "serial:x", output=str(run / "tcxo"))
        plan = make_plan(options, model_by_key("pi4"), "/boot/config.txt", apparmor=False)
        ours = next(file for file in plan.files if file.path.startswith("/etc/chrony"))
        (run / "log").mkdir()
        config = run / "chrony.conf"
        config.write_text(
            f"{ours.content}logdir {run}/log\nlog tempcomp\nlogbanner 0\npidfile {run}/log/pid\n"
            "port 0\ncmdport 0\nbindcmdaddress /\n"
        )
        user = ["-u", "_chrony"] if getpass.getuser() == "root" else []
        if user:
            shutil.chown(run / "log", "_chrony")
        log = run / "log/tempcomp.log"
        process = subprocess.Popen(
            ["chronyd", "-x", "-d", "-U", *user, "-f", config], stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 60
            while not (log.exists() and log.read_text().strip()) and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(20)
        assert log.exists(), "chronyd never read the file"
        rows = [line.split() for line in log.read_text().splitlines()]
        assert {(float(row[2]), float(row[3])) for row in rows} == {(-1.2346, -1.2346)}


OURS = frozenset({0, os.getuid()})


@pytest.mark.parametrize("loose", ["bin/tcxo-host", "bin", "."])
@pytest.mark.parametrize("linked", [False, True])
def test_a_program_that_others_may_exchange_is_not_run_as_root(
    tmp_path: Path, loose: str, linked: bool
) -> None:
    place = tmp_path / "opt"
    (place / "bin").mkdir(parents=True)
    program = place / "bin/tcxo-host"
    program.touch(mode=0o755)
    if linked:
        (tmp_path / "local").mkdir()
        (tmp_path / "local/first").symlink_to("second")
        (tmp_path / "local/second").symlink_to(program)
        program = tmp_path / "local/first"
    assert who_may_change(str(program), OURS) == ""
    (place / loose).chmod(0o777)
    assert "can be written by everybody" in who_may_change(str(program), OURS)
    with pytest.raises(UsageError, match=r"but a service runs it as root .* into /opt/tcxo-host as root"):
        installed_executable(str(program), live=True)
    assert installed_executable(str(program), live=False) == str(program)


def test_a_program_of_another_user_is_not_run_as_root(tmp_path: Path) -> None:
    (tmp_path / "tcxo-host").touch()
    assert "belongs to user" in who_may_change(str(tmp_path / "tcxo-host"), frozenset({12345}))


def test_a_fifo_among_the_machines_files_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    assert Root(tmp_path).read("/x") is None
