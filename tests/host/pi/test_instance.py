"""A second daemon for a second board: its unit, its own places, and a doctor who sees that only one is chrony's."""

import json
import re
import subprocess

import pytest
from support import pi_trees as trees
from tcxo_host.cli import main
from tcxo_host.config.load import load_config
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.root import Root

EXECUTABLE = "/opt/tcxo-host/bin/tcxo-host"
LINK = "serial:/dev/ttyACM1"
FIRST_LINK = f"serial:/dev/serial/by-id/{trees.BY_ID}"
BARE = trees.without(trees.PI4_GOOD, "/etc/systemd", "/etc/tcxo-host.toml", "/run", "/etc/chrony/conf.d")


@pytest.fixture
def pi(tmp_path):
    return trees.write_tree(tmp_path / "root", BARE)


def install(pi, *argv):
    return main.main(["install", "--root", str(pi), "--executable", EXECUTABLE, *argv])


def second(pi, *argv, name="attic", link=LINK):
    return install(pi, "--instance", name, "--link", link, *argv)


@pytest.fixture
def both(pi):
    assert install(pi, "--pin", "18") == 0
    assert second(pi) == 0
    return pi


def test_it_has_places_of_its_own_and_shares_nothing_that_it_writes(both):
    unit = (both / "etc/systemd/system/tcxo-host@.service").read_text()
    assert f"ExecStart={EXECUTABLE} run --config /etc/tcxo-host-%i.toml\n" in unit
    assert "RuntimeDirectory=tcxo-host-%i\n" in unit
    assert "StateDirectory=tcxo-host-%i\n" in unit
    first, own = load_config(both / "etc/tcxo-host.toml"), load_config(both / "etc/tcxo-host-attic.toml")
    assert (own.link.url, own.output.path) == (LINK, "/run/tcxo-attic")
    for one, other in (
        (first.output.path, own.output.path),
        (first.output.status, own.output.status),
        (first.state.path, own.state.path),
    ):
        assert one != other
    assert own.pwm == first.pwm, "both boards measure the same pin"
    assert own.pwm.gpio == 18
    tmpfiles = (both / "etc/tmpfiles.d/tcxo-host-attic.conf").read_text()
    assert "L+ /run/tcxo-attic - - - - /run/tcxo-host-attic/tcxo" in tmpfiles


def test_chrony_and_the_first_daemon_are_left_as_they_are(pi):
    install(pi)
    before = trees.read_tree(pi)
    second(pi)
    after = trees.read_tree(pi)
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {"/etc/tcxo-host.installed.json"}
    assert {path for path in after if path not in before} == {
        "/etc/systemd/system/tcxo-host@.service",
        "/etc/tcxo-host-attic.toml",
        "/etc/tmpfiles.d/tcxo-host-attic.conf",
    }


def test_uninstall_takes_all_of_them_away(pi):
    before = trees.read_tree(pi)
    install(pi)
    second(pi)
    second(pi, name="b-2", link="serial:/dev/ttyACM2")
    (pi / "run/tcxo-host-attic").mkdir(parents=True)
    (pi / "run/tcxo-attic").symlink_to("/run/tcxo-host-attic/tcxo")
    (pi / "run/tcxo-b-2").write_text("somebody else's\n")
    assert main.main(["uninstall", "--root", str(pi)]) == 0
    assert not (pi / "run/tcxo-attic").is_symlink()
    assert trees.read_tree(pi) == before | {"/run/tcxo-b-2": b"somebody else's\n"}


def test_installing_again_keeps_an_edited_configuration(both):
    config = both / "etc/tcxo-host-attic.toml"
    config.write_text(config.read_text() + '\n[log]\nlevel = "debug"\n')
    assert second(both, link="serial:/dev/ttyACM3") == 0
    assert "debug" in config.read_text()


def test_measure_only(pi):
    install(pi)
    second(pi, "--measure-only")
    assert load_config(pi / "etc/tcxo-host-attic.toml").output.measure_only


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_no_fault_with_the_unit_and_it_is_closed_as_tight_as_the_first(both):
    folder = both / "etc/systemd/system"
    scores = []
    for name in ("tcxo-host.service", "tcxo-host@.service", "tcxo-host-pwm.service"):
        path = folder / name
        path.write_text(path.read_text().replace(EXECUTABLE, "/bin/true"))
    unit = folder / "tcxo-host@attic.service"
    unit.symlink_to("tcxo-host@.service")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "tcxo-host" in line and "man " not in line] == []
    for path in (folder / "tcxo-host.service", unit):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        scores += re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert len(scores) == 2
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    "name", ["", "A", "-x", "a/b", "a b", "x" * 32, "host", "host-x", "../x", "ä", "a\n"]
)
def test_a_name_that_is_none_is_refused(pi, capsys, name):
    install(pi)
    assert install(pi, f"--instance={name}", "--link", LINK) == 64
    assert "expected up to 31 of a-z" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--instance", "a"], 64, "--instance needs --link"),
        (["--instance", "a", "--link", LINK, "--phase"], 64, "only one daemon is chrony's"),
        (["--instance", "a", "--link", LINK, "--chrony", "ntp"], 64, "only one daemon is chrony's"),
        (["--instance", "a", "--link", LINK, "--refclock"], 64, "only one daemon is chrony's"),
        (["--instance", "a", "--link", "i2c:1:0x56"], 64, "connect this one by USB"),
        (["--instance", "a", "--link", FIRST_LINK], 64, "is the board of /etc/tcxo-host.toml"),
        (["--instance", "a", "--link", "nonsense"], 64, "expected serial:"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_and_changes_nothing(pi, capsys, argv, status, said):
    install(pi)
    before = trees.read_tree(pi)
    assert install(pi, *argv) == status
    assert said in capsys.readouterr().err
    assert trees.read_tree(pi) == before


def test_without_the_first_daemon_there_is_no_second(pi, capsys):
    assert second(pi) == 69
    assert "run 'tcxo-host install' first" in capsys.readouterr().err


def test_a_changed_unit_is_not_guessed_at(pi, capsys):
    install(pi)
    unit = pi / "etc/systemd/system/tcxo-host.service"
    unit.write_text(unit.read_text().replace("StateDirectory=tcxo-host\n", ""))
    assert second(pi) == 69
    assert "'StateDirectory=tcxo-host' is not in it" in capsys.readouterr().err


# what doctor says

OWN = (
    f'[link]\nurl = "{LINK}"\n[output]\npath = "/run/tcxo-attic"\n'
    'status = "/run/tcxo-host-attic/status.json"\n'
)
STATUS = trees.status_json(gps_pps=1.0, host_pwm=50.0)


def diagnose(tmp_path, config=OWN, status=STATUS, extra=None):
    tree = trees.PI4_GOOD | {"/etc/tcxo-host-attic.toml": config} | (extra or {})
    if status is not None:
        tree["/run/tcxo-host-attic/status.json"] = status
    base = trees.write_tree(tmp_path / "pi", tree)
    findings = examine(make_subject(Root(base), None, lambda url, baud: None))
    return {finding.name: finding for finding in findings}


def test_doctor_is_content_with_a_second_daemon_that_tracks(tmp_path):
    found = diagnose(tmp_path)
    assert (found["instances"].level, found["instance"].level) == (Level.OK, Level.OK)
    assert found["instances"].text == "2 daemons, of which chrony takes /etc/tcxo-host.toml"


def test_doctor_says_nothing_of_instances_where_there_are_none(tmp_path):
    base = trees.write_tree(tmp_path, trees.PI4_GOOD)
    names = {each.name for each in examine(make_subject(Root(base), None, lambda url, baud: None))}
    assert names.isdisjoint({"instance", "instances"})


HOLD = json.dumps(json.loads(STATUS) | {"state": "hold", "reason": "no link to the board"})


@pytest.mark.parametrize(
    ("changes", "name", "level", "said"),
    [
        ({"config": OWN + "sock = true\n"}, "instances", Level.FAIL, "two daemons would correct the same clock"),
        ({"config": OWN + "[phase]\nenabled = true\n"}, "instances", Level.FAIL, "attic.toml: phase.enabled"),
        ({"config": OWN.replace("/run/tcxo-attic", "/run/tcxo")}, "instances", Level.FAIL, "two daemons would"),
        ({"config": OWN.replace(LINK, FIRST_LINK)}, "instances", Level.FAIL, "want the board"),
        ({"status": None}, "instance", Level.FAIL, "attic: has written no status since boot"),
        ({"status": HOLD}, "instance", Level.WARN, "attic: says hold: no link to the board"),
        ({"status": "[]"}, "instance", Level.WARN, "is of another version"),
        ({"config": "[link"}, "instance", Level.FAIL, "/etc/tcxo-host-attic.toml: not valid TOML"),
    ],
    ids=str,
)  # fmt: skip
def test_doctor_sees(tmp_path, changes, name, level, said):
    found = diagnose(tmp_path, **changes)[name]
    assert found.level is level, found
    assert said in found.text
    assert found.remedy
