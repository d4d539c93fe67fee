"""``tcxo-host run --link sim:SCENARIO``: the real daemon, kept away from this machine's clock."""

import json
import signal
import subprocess
import sys
import time

import pytest

TCXO_HOST = [sys.executable, "-m", "tcxo_host"]


def run(*args):
    done = subprocess.run([*TCXO_HOST, "run", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done


def test_it_runs_in_real_time_and_writes_where_it_was_told(tmp_path):
    status = tmp_path / "status.json"
    process = subprocess.Popen(
        [*TCXO_HOST, "run", "--link", "sim:steady", "--output", tmp_path / "tcxo", "--status", status],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    values = {}
    while (values.get("channels") or {}).get("gps_pps", {}).get("edges", 0) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
        values = json.loads(status.read_text()) if status.exists() else {}
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert values["board"]["board"] == "SIMULATED"
    assert "link sim:steady is open" in log
    assert "PWM" not in log


@pytest.mark.parametrize("options", [[], ["--config"]])
def test_the_clock_of_this_machine_is_never_corrected_unasked(tmp_path, options):
    config = tmp_path / "c.toml"
    config.write_text(f'[output]\npath = "{tmp_path}/real"\n')
    done = run("--link", "sim:steady", *options, *([config] if options else []))
    assert done.returncode == 64
    path = tmp_path / "real" if options else "/run/tcxo"
    assert (
        f"would correct this machine's clock through {path}: name another file with --output" in done.stderr
    )
    assert not (tmp_path / "real").exists()


@pytest.mark.parametrize("setting", ["[output]\nsock = true", "[phase]\nenabled = true"])
def test_nor_by_another_way_into_chronyd(tmp_path, setting):
    config = tmp_path / "c.toml"
    config.write_text(setting + "\n")
    done = run("--link", "sim:steady", "--config", config, "--output", tmp_path / "tcxo")
    assert (done.returncode, "would hand chronyd a simulated clock" in done.stderr) == (64, True)


def test_what_a_real_daemon_keeps_is_left_alone(tmp_path):
    """The configuration's state, status, captures; the PWM and gpsd are no part of a simulation either."""
    config = tmp_path / "c.toml"
    config.write_text(
        f'[output]\nstatus = "{tmp_path}/status"\ntrace = "{tmp_path}/trace"\n[state]\npath = "{tmp_path}/state"\n'
        f'[record]\ndir = "{tmp_path}/captures"\n[gps]\ngpsd = "localhost:2947"\n[pwm]\nmode = "setup"\n'
    )
    shown = run(
        "--link", "sim:day:3", "--config", config, "--output", tmp_path / "o", "--print-config"
    ).stdout
    assert str(tmp_path) not in shown.replace(f"{tmp_path}/o", "")
    assert 'mode = "off"' in shown
    assert "localhost" not in shown.split("[gps]")[1].split("gpsd = ")[1].splitlines()[0]
    assert "ask_chrony = false" in shown


def test_a_scenario_that_is_not_there_is_told_at_once(tmp_path):
    done = run("--link", "sim:nowhere", "--output", tmp_path / "o")
    assert (done.returncode, "unknown scenario 'nowhere'" in done.stderr) == (64, True)


def test_a_configuration_file_cannot_name_a_simulation(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[link]\nurl = "sim:day"\n')
    assert run("--config", config).returncode == 78
