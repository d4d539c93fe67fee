"""A quiet machine: each point set where this machine has it, by the interrupt's name, and all of it undone."""

import argparse
import errno
import json
import subprocess

import pytest
from support import pi_trees as trees
from tcxo_host.cli import uninstall
from tcxo_host.cli.machine import tune
from tcxo_host.errors import OutputError, UsageError
from tcxo_host.pi.doctor.check import Level
from tcxo_host.pi.doctor.examine import examine, make_subject
from tcxo_host.pi.heat.service import UNIT_FILE as HEAT_UNIT
from tcxo_host.pi.root import Root
from tcxo_host.pi.tune.apply import BEFORE, apply_points
from tcxo_host.pi.tune.points import count_cores, interrupts, points
from tcxo_host.pi.tune.service import CHRONY_DROP_IN, UNIT_FILE

PI = trees.without(trees.PI4_GOOD, "/run/tcxo") | trees.QUIET
GOVERNOR, FLOOR = f"{trees.CPUFREQ}/scaling_governor", f"{trees.CPUFREQ}/scaling_min_freq"
PULSE = "/proc/irq/203/smp_affinity_list"


def do(base, *argv, command=tune):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    name = command.__name__.rpartition(".")[2]
    extra = ("--executable", "/opt/t/bin/tcxo-host") if command is tune else ()
    args = parser.parse_args([name, "--root", str(base), *extra, *argv])
    return command.run(args, Root(base), None)


@pytest.fixture
def pi(tmp_path):
    return trees.write_tree(tmp_path, PI)


def findings(base):
    found = examine(make_subject(Root(base), None, lambda url, baud: None))
    return {finding.name: finding for finding in found}


def test_every_point_is_set_and_undone(pi):
    before = trees.read_tree(pi)
    assert do(pi) == 0
    root = Root(pi)
    assert (root.read(GOVERNOR), root.read(FLOOR), root.read(PULSE)) == ("performance", "600000", "0")
    assert "ExecStart=/opt/t/bin/tcxo-host tune --now --core 0\n" in root.read(UNIT_FILE)
    assert "CPUAffinity=0\nCPUSchedulingPolicy=fifo\nCPUSchedulingPriority=10" in root.read(CHRONY_DROP_IN)
    assert root.read("/proc/irq/38/smp_affinity_list") == "0-3", "the network's interrupt is left alone"
    assert do(pi, "--undo") == 0
    after = trees.read_tree(pi)
    assert {k: v.strip() if isinstance(v, bytes) else v for k, v in after.items()} == {
        k: v.strip() if isinstance(v, bytes) else v for k, v in before.items()
    }
    assert do(pi, "--undo") == 0, "twice is once"


def test_a_dry_run_shows_all_and_changes_nothing(pi, capsys):
    before = trees.read_tree(pi)
    assert do(pi, "--dry-run") == 0
    assert trees.read_tree(pi) == before
    shown = capsys.readouterr().out
    assert f"set     {GOVERNOR}: ondemand -> performance" in shown
    assert f"set     {PULSE}: 0-3 -> 0" in shown
    assert "| CPUSchedulingPolicy=fifo" in shown
    assert "run     systemctl enable tcxo-host-tune.service" in shown


def test_twice_remembers_the_first_state_only(pi):
    do(pi)
    do(pi, "--now")
    do(pi)
    remembered = json.loads((pi / BEFORE.lstrip("/")).read_text())
    assert remembered == {GOVERNOR: "ondemand", FLOOR: "300000", "irq:pps@12.-1": "0-3"}


def test_the_interrupt_is_found_again_under_another_number(pi):
    do(pi)
    table = pi / "proc/interrupts"
    table.write_text(table.read_text().replace("203:", " 57:"))
    (pi / "proc/irq/57").mkdir()
    (pi / "proc/irq/57/smp_affinity_list").write_text("0-3\n")
    assert do(pi, "--now") == 0
    assert Root(pi).read("/proc/irq/57/smp_affinity_list") == "0"
    do(pi, "--undo")
    assert Root(pi).read("/proc/irq/57/smp_affinity_list") == "0-3"


def test_what_this_machine_lacks_is_no_point(tmp_path):
    bare = trees.write_tree(tmp_path / "bare", trees.PI4)
    assert points(Root(bare), 0) == []
    one_core = trees.QUIET | trees.PI_ZERO | {"/sys/devices/system/cpu/possible": "0\n"}
    root = Root(trees.write_tree(tmp_path / "zero", one_core))
    assert {point.name for point in points(root, 0)} == {"governor"}, "no floor, no core to choose"
    assert "one core" in do_dry(tmp_path / "zero")
    no_governor = trees.QUIET | trees.PI4 | {f"{trees.CPUFREQ}/scaling_available_governors": "ondemand\n"}
    root = Root(trees.write_tree(tmp_path / "old", no_governor))
    assert "governor" not in {point.name for point in points(root, 0)}


def do_dry(base):
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as shown:
        (base / "etc/chrony").mkdir(parents=True)
        (base / "etc/chrony/chrony.conf").write_text("")
        do(base, "--dry-run")
    return shown.getvalue()


def test_a_floor_that_is_higher_already_stays(pi):
    (pi / FLOOR.lstrip("/")).write_text("1500000\n")
    do(pi)
    assert Root(pi).read(FLOOR) == "1500000"


def test_a_kernel_that_refuses_is_told_and_no_failure(pi, monkeypatch, capsys):
    """As GPIO controllers do whose interrupts cannot be moved: EIO."""
    write = Root.write

    def refuse(self, path, text):
        if "smp_affinity" in path:
            raise OSError(errno.EIO, "Input/output error", path)
        write(self, path, text)

    monkeypatch.setattr(Root, "write", refuse)
    assert do(pi) == 0
    assert f"{PULSE}: Input/output error: this kernel does not let it be changed" in capsys.readouterr().err
    assert Root(pi).read(GOVERNOR) == "performance"


def test_an_interrupt_that_comes_to_the_core_alone_needs_no_moving(pi):
    table = pi / "proc/interrupts"
    table.write_text(table.read_text().replace("1200        900", "2100          0"))
    assert "pps" not in {change.name for change in apply_points(Root(pi), 0, dry_run=True)}
    assert "pps" in {change.name for change in apply_points(Root(pi), 1, dry_run=True)}


def test_another_core_is_taken_everywhere(pi):
    do(pi, "--core", "2")
    root = Root(pi)
    assert root.read(PULSE) == "2"
    assert "CPUAffinity=2\n" in root.read(CHRONY_DROP_IN)
    assert findings(pi)["chronyd"].text.startswith("on core 2")
    with pytest.raises(UsageError, match="cores 0 to 3"):
        do(pi, "--core", "4")


def test_uninstall_undoes_it_too(pi):
    do(pi)
    assert do(pi, command=uninstall) == 0
    root = Root(pi)
    assert (root.read(GOVERNOR), root.read(PULSE)) == ("ondemand", "0-3")
    assert not root.exists(UNIT_FILE)
    assert not root.exists(BEFORE)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', "[" * 9999])
def test_a_memory_that_is_none_changes_nothing(pi, text):
    do(pi)
    (pi / BEFORE.lstrip("/")).write_text(text)
    with pytest.raises(OutputError, match="cannot be read, so what was there before"):
        do(pi, "--undo")
    assert Root(pi).read(GOVERNOR) == "performance"


def test_a_memory_names_no_other_files(pi):
    (pi / "etc/passwd").write_text("root\n")
    (pi / "var/lib").mkdir(parents=True, exist_ok=True)
    (pi / BEFORE.lstrip("/")).write_text(json.dumps({"/etc/passwd": "gone"}))
    do(pi, "--undo")
    assert (pi / "etc/passwd").read_text() == "root\n"


def test_doctor_tells_each_point_and_warns_only_where_it_was_asked_for(pi):
    found = findings(pi)
    assert {found[name].level for name in ("governor", "floor", "pps")} == {Level.OK}
    assert found["governor"].text.endswith("(sudo tcxo-host tune)")
    assert "chronyd" not in found
    do(pi)
    found = findings(pi)
    assert found["governor"].text == "performance"
    assert found["floor"].text == "the ARM clock stays at 600 MHz or above"
    assert found["pps"].text == "the pulse's interrupt pps@12.-1 comes to core 0"
    (pi / GOVERNOR.lstrip("/")).write_text("powersave\n")
    (pi / PULSE.lstrip("/")).write_text("0-3\n")
    (pi / CHRONY_DROP_IN.lstrip("/")).unlink()
    found = findings(pi)
    for name in ("governor", "pps", "chronyd"):
        assert (found[name].level, found[name].remedy) == (Level.WARN, "sudo tcxo-host tune --core 0")


def test_doctor_sees_where_chronyd_really_runs(pi):
    do(pi)
    group = pi / "sys/fs/cgroup/system.slice/chrony.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("812\n")
    (pi / "proc/812").mkdir()
    (pi / "proc/812/status").write_text("Name:\tchronyd\nCpus_allowed_list:\t0-3\n")
    assert findings(pi)["chronyd"].remedy == "sudo systemctl restart chrony"
    (pi / "proc/812/status").write_text("Name:\tchronyd\nCpus_allowed_list:\t0\n")
    assert findings(pi)["chronyd"].level is Level.OK


@pytest.mark.parametrize(
    ("cores", "level"), [("", Level.OK), (" --cores 1-3", Level.OK), (" --cores 0-3", Level.WARN)]
)
def test_doctor_sees_an_oven_on_the_pulses_core(pi, cores, level):
    do(pi)
    (pi / HEAT_UNIT.lstrip("/")).write_text(f"[Service]\nExecStart=/opt/t heat hold{cores}\n")
    assert findings(pi)["burner"].level is level


def test_this_machines_own_tables_are_read():
    assert count_cores(Root()) >= 1
    assert all(sum(counts) >= 0 and name for name, _, counts in interrupts(Root()))


@pytest.mark.needs("systemd-analyze")
def test_systemd_takes_unit_and_drop_in(pi):
    do(pi)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(pi) + UNIT_FILE], capture_output=True, text=True, check=False
    )
    ours = [
        line for line in done.stderr.splitlines() if "tcxo-host-tune" in line and "executable" not in line
    ]
    assert ours == [], done.stderr
