"""``tcxo-host heat`` as people use it: learn and hold on the simulated Pi, status, the service on request, refusals."""

import argparse
import json
import subprocess
import sys

import pytest
from support import pi_trees as trees
from tcxo_host.cli import uninstall
from tcxo_host.cli.machine.heat import command
from tcxo_host.cli.machine.heat.work import parse_cores
from tcxo_host.errors import UsageError
from tcxo_host.pi.root import Root

UNIT = "/etc/systemd/system/tcxo-host-heat.service"


def heat(*argv, cwd="/"):
    return subprocess.run(
        [sys.executable, "-m", "tcxo_host", "heat", *map(str, argv)], capture_output=True, text=True, cwd=cwd
    )


@pytest.fixture(scope="module")
def oven(tmp_path_factory):
    """A folder with what was learned in three simulated hours."""
    folder = tmp_path_factory.mktemp("oven")
    done = heat("learn", "--simulate", "--hours", 3, "--dir", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_learn_tells_curve_turnover_and_set_point(oven):
    _, done = oven
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert "parabola" in told["curve"] or "cubic" in told["curve"]
    assert "95 %: " in told["turnover"]
    assert told["set-point"].endswith("°C")
    assert "of 3 h" in done.stderr
    assert "kWh a year" in done.stderr


def test_the_record_can_be_fitted_again(oven):
    folder, _ = oven
    done = heat("learn", "--fit-only", "--dir", folder, "--json")
    values = json.loads(done.stdout)
    assert values["turnover_95_c"][0] < values["turnover_c"] < values["turnover_95_c"][1]
    assert values["at_turnover"]


def test_hold_holds_and_status_tells(oven):
    folder, _ = oven
    textfile = folder / "heat.prom"
    done = heat("hold", "--simulate", "--hours", 2, "--dir", folder, "--textfile", textfile)
    assert done.returncode == 0, done.stderr
    assert "the turnover" in done.stderr
    values = json.loads((folder / "status.json").read_text())
    assert values["mode"] == "hold"
    assert values["temperature_std_k"] < 0.7  # with the probe of a kelvin
    assert values["watts"] > 0.3
    assert "tcxo_heat_set_point_celsius" in textfile.read_text()
    shown = heat("status", "--dir", folder)
    assert shown.returncode == 69, "it has ended"
    assert "state      none: hold ended" in shown.stdout
    assert "kWh a year" in shown.stdout


def test_the_metrics_are_prometheus_text(oven):
    from prometheus_client.parser import text_string_to_metric_families
    from tcxo_host.pi.heat.averages import Row
    from tcxo_host.pi.heat.oven.oven import Command
    from tcxo_host.pi.heat.report import Tally, metrics_text, status_values

    row = Row(0.0, 1.0, 60.0, 1.0, 0.5, None, 60.0)
    values = status_values("hold", row, Tally(), Command((), "the limit"), 1.0)
    found = {
        each.name: each.samples[0].value for each in text_string_to_metric_families(metrics_text(values))
    }
    assert found["tcxo_heat_temperature_celsius"] == 60.0
    assert found["tcxo_heat_stopped"] == 1.0
    assert "tcxo_heat_slope_ppms_per_kelvin" not in found


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["hold"], 69, "run 'tcxo-host heat learn' first"),
        (["hold", "--set-point", "55"], 69, "has no CPU temperature"),
        (["learn"], 69, "has no CPU temperature"),
        (["learn", "--fit-only"], 65, "learn.jsonl: cannot be read"),
        (["status"], 69, "nothing holds this Pi's temperature"),
        (["hold", "--simulate", "--set-point", "55"], 64, "say for how long with --hours"),
        (["learn", "--limit", "120"], 64, "choose 40 to 85"),
        (["hold", "--limit", "60", "--set-point", "59"], 64, "2 K below --limit"),
        (["learn", "--hours", "nan"], 64, "--hours nan"),
        (["learn", "--simulate", "--hours", "3", "--cores", "4-9"], 64, "this machine has cores 0 to 3"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, argv, status, words):
    done = heat(*argv, "--dir", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    "text", ["x\n", "{}\n", '{"t_s": "1"}\n', "[1]\n", '{"t_s": 1e999}\n', "[" * 9999 + "\n"]
)
def test_a_record_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / "learn.jsonl").write_text(text)
    done = heat("learn", "--fit-only", "--dir", tmp_path)
    assert done.returncode == 65
    assert "learn.jsonl, line 1: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "[]", '{"content": {}}'])
def test_a_curve_that_is_none_holds_nothing(tmp_path, text):
    (tmp_path / "curve.json").write_text(text)
    done = heat("hold", "--simulate", "--hours", 1, "--dir", tmp_path)
    assert done.returncode == 69
    assert "no set-point is known" in done.stderr


@pytest.mark.parametrize(
    ("text", "cores"), [("1-3", {1, 2, 3}), ("0,2", {0, 2}), ("3", {3}), (None, {1, 2, 3})]
)
def test_cores_are_numbers_and_ranges(text, cores):
    assert parse_cores(text, 4) == cores


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1-99999999999", "4", "3-1"])
def test_other_cores_are_refused(text):
    with pytest.raises(UsageError):
        parse_cores(text, 4)


def do(root, runner, *argv):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return command.run(parser.parse_args(["heat", *argv]), root, runner)


def test_the_service_is_there_on_request_only_and_goes_again(tmp_path):
    trees.write_tree(tmp_path, trees.PI4_GOOD)
    root, before = Root(tmp_path), trees.read_tree(tmp_path)
    options = ("--executable", "/opt/tcxo-host/bin/tcxo-host", "--limit", "70", "--cores", "1-3")
    assert do(root, None, "hold", "--install", *options) == 0
    unit = root.read(UNIT)
    assert "ExecStart=/opt/tcxo-host/bin/tcxo-host heat hold --limit 70 --cores 1-3\n" in unit
    assert do(root, None, "hold", "--install", *options) == 0, "twice is once"
    assert do(root, None, "off") == 0
    assert trees.read_tree(tmp_path) == before
    assert do(root, None, "off") == 0


def test_the_daemons_own_installation_is_remembered_as_it_was(tmp_path):
    from tcxo_host.pi.install.files import remembered_options

    manifest = "/etc/tcxo-host.installed.json"
    kept = {"files": {}, "options": {"link": "serial:/dev/ttyACM0"}}
    trees.write_tree(tmp_path, trees.PI4_GOOD | {manifest: json.dumps(kept)})
    root = Root(tmp_path)
    do(root, None, "hold", "--install", "--executable", "/opt/t")
    assert remembered_options(root) == kept["options"]
    do(root, None, "hold", "--install", "--executable", "/opt/other")
    trees.write_tree(tmp_path, {"/etc/x": ""})
    (tmp_path / "etc/tcxo-host.installed.json").write_text(
        (tmp_path / "etc/tcxo-host.installed.json")
        .read_text()
        .replace('"files": {', '"files": {"/etc/x": "0",')
    )
    do(root, None, "off")
    assert remembered_options(root) == kept["options"]


def test_uninstall_takes_it_along(tmp_path):
    trees.write_tree(tmp_path, trees.PI4_GOOD)
    root = Root(tmp_path)
    do(root, None, "hold", "--install", "--executable", "/opt/t")
    parser = argparse.ArgumentParser()
    uninstall.add_parser(parser.add_subparsers())
    assert uninstall.run(parser.parse_args(["uninstall", "--root", str(tmp_path)]), root, None) == 0
    assert not root.exists(UNIT)


def test_without_the_daemon_there_is_no_service(tmp_path):
    from tcxo_host.errors import UnavailableError

    with pytest.raises(UnavailableError, match="the daemon is not installed"):
        do(Root(tmp_path), None, "hold", "--install")


@pytest.mark.needs("systemd-analyze")
def test_systemd_takes_the_unit(tmp_path):
    trees.write_tree(tmp_path, trees.PI4_GOOD)
    do(Root(tmp_path), None, "hold", "--install", "--executable", "/bin/true")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path) + UNIT], capture_output=True, text=True, check=False
    )
    problems = [line for line in done.stderr.splitlines() if "tcxo-host-heat" in line]
    assert problems == [], done.stderr
