"""Installing beside lines that chrony reads from other files: nothing twice, and nothing corrected twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from host.pi.test_install import BARE, do
from support import pi_trees as trees
from tcxo_host.cli import install, uninstall
from tcxo_host.errors import ConfigError
from tcxo_host.pi.chrony.config import directives
from tcxo_host.pi.root import Root

MAIN = "/etc/chrony/chrony.conf"
PPS = "refclock PPS /dev/pps0 refid PPS lock NMEA"
OURS = "etc/chrony/conf.d/tcxo-host.conf"


def pi_with(base: Path, *lines: str, file: str = MAIN, pps: bool = True) -> Path:
    """A Pi 4 on which ``lines`` follow what ``file`` holds of itself."""
    text = "".join(f"{line}\n" for line in lines)
    tree = BARE | {file: str(BARE.get(file, "")) + text} | ({"/dev/pps0": ""} if pps else {})
    return trees.write_tree(base / "root", tree)


def in_effect(base: Path, name: str) -> list[str]:
    """chrony's directives of that name after the installation, as they would take effect."""
    return [" ".join(each.words) for each in directives(Root(base), MAIN) if each.name == name]


def test_with_a_pulse_and_no_reference_clock_both_are_written(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "pool pool.ntp.org iburst")
    do(install, base)
    assert in_effect(base, "tempcomp") == ["/run/tcxo 1 0 0 1 0"]
    assert in_effect(base, "refclock") == ["PPS /dev/pps0 refid PPS poll 4 minsamples 32 prefer"]


@pytest.mark.parametrize(
    "line",
    [PPS, "RefClock PPS /dev/pps0:clear refid P", "refclock SHM 1 refid PPS", "refclock SOCK /run/x.sock"],
)
def test_a_stratum_1_server_keeps_its_own_reference_clocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    base = pi_with(tmp_path, line)
    before = trees.read_tree(base)
    do(install, base)
    assert in_effect(base, "refclock") == [" ".join(line.split()[1:])]
    assert in_effect(base, "tempcomp") == ["/run/tcxo 1 0 0 1 0"]
    said = f"note    {MAIN}:4 names a reference clock already, so none is added"
    assert said in capsys.readouterr().out.splitlines()
    do(install, base)  # our own file does not count the second time
    assert in_effect(base, "tempcomp") == ["/run/tcxo 1 0 0 1 0"]
    do(uninstall, base)
    assert trees.read_tree(base) == before


def test_included_files_count_and_a_dry_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = pi_with(tmp_path, PPS, file="/etc/chrony/conf.d/gps.conf")
    do(install, base, "--dry-run")
    shown = capsys.readouterr().out
    assert "note    /etc/chrony/conf.d/gps.conf:1 names a reference clock already" in shown
    assert "| refclock" not in shown


@pytest.mark.parametrize(
    ("line", "variant", "device"),
    [
        (PPS, "ntp", "/dev/pps0"),
        (PPS, "gpsd", "/dev/pps0"),
        ("refclock PPS /dev/gpspps:clear", "ntp", "/dev/pps0"),
        ("refclock SOCK /run/chrony.pps0.sock refid PPS", "ntp", "/dev/pps0"),
        ("refclock SOCK /run/chrony.clk.ttyAMA0.sock", "gpsd", "/run/chrony.clk.ttyAMA0.sock"),
        ("refclock SHM 0 refid G", "gpsd-shm", "SHM 0"),
        ("refclock PHC /dev/ptp0:extpps:pin=1 refid X", "phc", "/dev/ptp0"),
    ],
)
def test_a_variant_that_would_double_a_reference_clock_is_refused(
    tmp_path: Path, line: str, variant: str, device: str
) -> None:
    base = pi_with(tmp_path, line)
    (base / "dev/gpspps").symlink_to("pps0")  # as udev names it
    before = trees.read_tree(base)
    words = (
        rf"^{MAIN}:4: chrony has a reference clock on {device} already.*--chrony {variant}.*or add --force$"
    )
    with pytest.raises(ConfigError, match=words):
        do(install, base, "--chrony", variant)
    assert trees.read_tree(base) == before
    do(install, base, "--chrony", variant, "--force")
    assert len(in_effect(base, "refclock")) == (3 if "gpsd" in variant else 2)


@pytest.mark.parametrize(
    ("version", "nmea"),
    [("3.22-4.1+deb12u1", "SHM 0"), ("3.25-5", "SOCK /run/chrony.clk.ttyAMA0.sock"), (None, "SOCK /run")],
)
def test_an_old_gpsd_is_read_through_its_shared_memory(
    tmp_path: Path, version: str | None, nmea: str
) -> None:
    base = pi_with(tmp_path)
    if version:
        with (base / "var/lib/dpkg/status").open("a") as file:
            file.write(f"Package: gpsd\nStatus: install ok installed\nVersion: {version}\n\n")
    do(install, base, "--chrony", "gpsd")
    first, second = in_effect(base, "refclock")
    assert first.startswith(nmea)
    assert "refid NMEA" in first
    assert "noselect" in first
    assert second == "PPS /dev/pps0 lock NMEA refid PPS poll 4 minsamples 32 prefer"


def test_a_variant_that_adds_another_device_is_written(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "refclock PHC /dev/ptp0:extpps refid PHC", "refclock PPS /dev/pps1")
    do(install, base, "--chrony", "ntp")
    assert "PPS /dev/pps0 refid PPS poll 4 minsamples 32 prefer" in in_effect(base, "refclock")


@pytest.mark.parametrize(
    "line", ["tempcomp /run/tcxo 1 0 0 1 0", "tempcomp /run/tcxo-host/tcxo 2 12.5 0 1 0"]
)
@pytest.mark.parametrize("place", [MAIN, "/etc/chrony/conf.d/tcxo.conf"])
def test_a_right_tempcomp_line_stays_the_only_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, place: str
) -> None:
    base = pi_with(tmp_path, line, file=place)
    before = trees.read_tree(base)
    do(install, base)
    assert in_effect(base, "tempcomp") == [" ".join(line.split()[1:])]
    assert in_effect(base, "refclock") == ["PPS /dev/pps0 refid PPS poll 4 minsamples 32 prefer"]
    assert "is the tempcomp line already, so none is added" in capsys.readouterr().out
    do(uninstall, base)
    assert trees.read_tree(base) == before


def test_a_complete_chrony_conf_gets_no_directive_at_all(tmp_path: Path) -> None:
    base = pi_with(tmp_path, PPS, "tempcomp /run/tcxo 1 0 0 1 0")
    do(install, base)
    lines = [line for line in (base / OURS).read_text().splitlines() if line and line[0] != "#"]
    assert lines == ["log tracking tempcomp statistics refclocks"], "which adds up with other log lines"


@pytest.mark.parametrize(
    "line", ["tempcomp /run/tcxo 1 0 0 -1 0", "tempcomp /sys/x/temp 30 26000 0.0 0.000183 0.0"]
)
def test_a_wrong_tempcomp_line_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    base = pi_with(tmp_path, line)
    do(install, base)
    assert "tempcomp /run/tcxo 1 0 0 1 0" in (base / OURS).read_text()
    assert (
        f"note    {MAIN}:4 is another tempcomp line, and chrony uses only the last" in capsys.readouterr().out
    )


@pytest.mark.parametrize("path", ["/run/tcxo", "/run/tcxo-host/tcxo"])
def test_the_refclock_is_refused_beside_a_tempcomp_line_of_ours(tmp_path: Path, path: str) -> None:
    base = pi_with(tmp_path, f"tempcomp {path} 1 0 0 1 0")
    before = trees.read_tree(base)
    words = rf"^{MAIN}:4: this tempcomp line reads {path}, .*corrected twice: remove that line, or install without"
    with pytest.raises(ConfigError, match=words):
        do(install, base, "--refclock")
    assert trees.read_tree(base) == before


def test_the_tempcomp_file_is_refused_beside_the_refclock(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "refclock SOCK /run/chrony.tcxo.sock:perm=0660 refid T local")
    before = trees.read_tree(base)
    words = (
        rf"^{MAIN}:4: this refclock takes the TCXO .*corrected twice: remove that line, or install with --ref"
    )
    with pytest.raises(ConfigError, match=words):
        do(install, base)
    assert trees.read_tree(base) == before


def test_the_refclock_that_is_there_stays_the_only_one(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "refclock SOCK /run/chrony.tcxo.sock refid T local")
    do(install, base, "--refclock")
    assert in_effect(base, "refclock") == [
        "PPS /dev/pps0 refid PPS poll 4 prefer",
        "SOCK /run/chrony.tcxo.sock refid T local",
    ]


def test_a_refclock_of_ours_that_would_tell_the_time_is_refused(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "refclock SOCK /run/chrony.tcxo.sock refid T")
    with pytest.raises(ConfigError, match=rf"^{MAIN}:4: .* lacks 'local'"):
        do(install, base, "--refclock")


def test_one_way_after_the_other_is_no_contradiction_with_our_own_file(tmp_path: Path) -> None:
    base = pi_with(tmp_path)
    do(install, base)
    do(install, base, "--refclock")
    assert in_effect(base, "tempcomp") == []
    do(install, base)
    assert in_effect(base, "tempcomp") == ["/run/tcxo 1 0 0 1 0"]


def test_measuring_only_minds_none_of_it(tmp_path: Path) -> None:
    base = pi_with(tmp_path, "refclock SOCK /run/chrony.tcxo.sock refid T local", PPS)
    assert do(install, base, "--measure-only") == 0
    assert not (base / OURS).exists()


GPSP = "refclock SOCK /run/chrony.tcxo-pps.sock pps refid GPSP poll 0 filter 1 lock NMEA"


@pytest.mark.parametrize("line", [GPSP, GPSP.replace(".sock ", ".sock:perm=0660 ").replace(" pps ", " PPS ")])
def test_gpsps_line_that_is_there_stays_the_only_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    base = pi_with(tmp_path, line)
    do(install, base, "--phase")
    assert in_effect(base, "refclock") == [
        "PPS /dev/pps0 refid PPS poll 4 minsamples 32 noselect",
        line.removeprefix("refclock "),
    ]
    assert f"note    {MAIN}:4 is GPSP's refclock already, so none is added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            [GPSP.replace(" pps ", " ")],
            rf"{MAIN}:4: without the word pps .*: write there: refclock SOCK .* pps refid",
        ),
        (
            ["refclock SOCK /run/x.sock pps refid GPSP"],
            rf"{MAIN}:4: GPSP reads /run/x.sock, but tcxo-host sends to /run/chrony.tcxo-pps.sock: write there: ref",
        ),
        ([GPSP, GPSP], rf"{MAIN}:5: a second refclock on /run/chrony.tcxo-pps.sock: remove one"),
    ],
)
def test_a_line_of_gpsps_that_cannot_work_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    base = pi_with(tmp_path, *lines)
    before = trees.read_tree(base)
    with pytest.raises(ConfigError, match=words):
        do(install, base, "--phase")
    assert trees.read_tree(base) == before


@pytest.mark.parametrize(
    ("line", "witness"),
    [
        (f"{PPS} prefer", f"{PPS} noselect"),
        ("RefClock PPS /dev/pps1:clear Prefer refid P", "refclock PPS /dev/pps1:clear refid P noselect"),
        (
            "refclock SOCK /run/chrony.pps0.sock refid PPS",
            "refclock SOCK /run/chrony.pps0.sock refid PPS noselect",
        ),
        (f"{PPS} noselect", None),
        ("refclock PHC /dev/ptp0:extpps:pin=0 refid PHC", None),  # stamped by hardware
    ],
)
def test_a_pulse_by_interrupt_in_a_file_of_the_users_is_left_alone_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, witness: str | None
) -> None:
    base = pi_with(tmp_path, line)
    before = (base / MAIN[1:]).read_text()
    do(install, base, "--phase")
    said = [each for each in capsys.readouterr().out.splitlines() if "only be a witness" in each]
    assert (base / MAIN[1:]).read_text() == before
    if witness is None:
        assert said == []
    else:
        assert said == [
            f"note    {MAIN}:4: beside GPSP this pulse should only be a witness: write there: {witness}"
        ]


def test_an_edited_configuration_stays_and_what_it_lacks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = pi_with(tmp_path)
    do(install, base)
    config = base / "etc/tcxo-host.toml"
    config.write_text(config.read_text() + "\n# mine\n")
    do(install, base, "--phase", "--refclock")
    said = capsys.readouterr().out
    assert "/etc/tcxo-host.toml was edited and stays: write there enabled = true under [phase]" in said
    assert "write there sock = true under [output]" in said
    config.write_text(config.read_text() + "[phase]\nenabled = true\n")
    do(install, base, "--phase")
    assert "was edited and stays" not in capsys.readouterr().out
