"""Whatever stands in a state file: the daemon starts, a file that cannot be right goes aside with a sentence."""

import copy
import json
import logging
import math
import os
import pty
import random
import signal
import subprocess
import sys

import pytest
from tcxo_host.config.settings import Config, StateConfig
from tcxo_host.daemon.kept_state import KeptState
from tcxo_host.daemon.state_file import StateFile
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

BOARD = Board("b", 1, 84e6, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0})
BIG = "9" * 400
HUGE = "9" * 100_000


def seconds_of(count):
    world = World(load_scenario("steady"), 1)
    for _ in range(count):
        second = world.step()
        yield Second(second.tick_end, second.edges, {}, second.temperature_c)


SECONDS = list(seconds_of(40))


def saved():
    """What a run leaves, as the file's text."""
    kalman = Kalman()
    kalman.restart(BOARD)
    for second in SECONDS:
        kalman.update(second)
    # the temperature model's first sample comes after minutes
    kalman.temperature.learn(470.0, 1.0, 0.05)
    whole = {"kind": "tcxo-host kalman", "version": 1, "saved_unix_s": 1e9, "content": kalman.export_state()}
    return json.dumps(whole)


SAVED = saved()


def start(path):
    """The daemon's kept on this file; a short run on what was loaded; what is saved at the end."""
    kalman = Kalman()
    kept = KeptState(Config(state=StateConfig(str(path))), kalman)
    kalman.restart(BOARD)
    for second in SECONDS[:8]:
        estimate = kalman.update(second)
        if estimate.usable:
            kept.baseline.ppm(estimate.freq_error_ppm, "b")
    numbers = [estimate.freq_error_ppm, estimate.sigma_ppm, estimate.tcxo_ppm, estimate.tcxo_sigma_ppm]
    assert all(math.isfinite(each) for each in numbers if each is not None)
    kept.close()
    json.dumps(kalman.export_state(), allow_nan=False)


def leaves(values, path=()):
    """Where numbers, texts and tables stand."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))


def spoilt(path, text):
    """``SAVED`` with what stands at ``path`` replaced by this piece of JSON."""
    whole = copy.deepcopy(json.loads(SAVED))
    place = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "@@"
    return json.dumps(whole).replace('"@@"', text)


ODD = ["1e200", "-1e200", "1e999", BIG, f"-{BIG}", HUGE, "NaN", "-Infinity", "5", "-1", "0", "null", "true"]
ODD += ['"x"', '"\\u001b[2J"', '"\\ud800"', "[]", "[[]]", "{}", "[1, 2, 3]", '{"ppb": 1}', "1e-320"]


@pytest.mark.parametrize("path", list(leaves(json.loads(SAVED))), ids=lambda path: ".".join(map(str, path)))
def test_no_value_in_any_place_ends_the_daemon(tmp_path, path):
    for index, text in enumerate(ODD):
        file = tmp_path / f"{index}.json"
        file.write_text(spoilt(path, text))
        start(file)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("content", "rates", "gps_rate", "sigma_ppb"), "1e200"),
        (("content", "rates", "gps_rate", "ppb"), BIG),
        (("content", "rates", "gps_rate", "ppb"), HUGE),
        (("content", "rates", "gps_rate"), "5"),
        (("content", "rates", "pi_rate", "sigma_ppb"), "Infinity"),
        (("content", "noise"), "5"),
        (("content", "noise", "gps_ns"), BIG),
        (("content", "temperature", "coefficients_ppb"), "[1e300, 1e300, 1e300]"),
        (("content", "temperature", "covariance"), "[[1e300,0,0],[0,1e300,0],[0,0,1e300]]"),
        (("content", "temperature", "surprise"), "1e300"),
        (("content", "temperature", "centre_c"), "1e300"),
        (("content", "celsius"), "1e300"),
        (("content", "board_id"), '"\\u001b[2J"'),
        (("content", "board_id"), "5"),
        (("content", "tick_hz"), BIG),
        (("saved_unix_s",), "-1e300"),
        (("saved_unix_s",), BIG),
        (("content",), '[["board_id", "b"]]'),
        (("kind",), '"' + "k" * 500_000 + '"'),
        (("content", "noise", "extra"), "1, " + '"extra": 2'),
        (("content", "extra"), "[" * 50_000),
    ],
)
def test_what_cannot_be_right_goes_aside_with_one_short_sentence(tmp_path, caplog, path, text):
    file = tmp_path / "state.json"
    file.write_text(spoilt(path, text))
    with caplog.at_level(logging.WARNING):
        start(file)
    (told,) = caplog.messages
    assert "set aside as state.json.broken" in told
    assert len(told) < 400
    assert told.isprintable()
    assert (tmp_path / "state.json.broken").read_text() == spoilt(path, text)


@pytest.mark.parametrize("ppm", ["1e200", BIG, "Infinity", "NaN", "500.1", '"7"', "true", "null"])
def test_a_baseline_that_cannot_be_right_goes_aside(tmp_path, caplog, ppm):
    content = f'{{"ppm": {ppm}, "board_id": "b", "kernel": ""}}'
    whole = f'{{"kind": "tcxo-host baseline", "version": 1, "saved_unix_s": 1.0, "content": {content}}}'
    (tmp_path / "baseline.json").write_text(whole)
    with caplog.at_level(logging.WARNING):
        start(tmp_path / "state.json")
    assert "set aside as baseline.json.broken" in caplog.text


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def a_gigabyte(path):
    path.touch()
    os.truncate(path, 1 << 30)


def endless(path):
    path.symlink_to("/dev/zero")


def not_utf8(path):
    path.write_bytes(SAVED.encode().replace(b'"b"', b'"\xff"', 1))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [fifo, folder, a_gigabyte, endless, not_utf8])
def test_what_is_no_file_of_ours_is_not_waited_for_and_goes_aside(tmp_path, caplog, make):
    make(tmp_path / "state.json")
    with caplog.at_level(logging.WARNING):
        start(tmp_path / "state.json")
    (told,) = caplog.messages
    assert "set aside as state.json.broken" in told
    assert (tmp_path / "state.json").is_file()
    assert json.loads((tmp_path / "state.json").read_text())["kind"] == "tcxo-host kalman"


def test_random_damage_to_the_text(tmp_path):
    """Pieces cut out, doubled, exchanged: seeded, some hundred files."""
    dice = random.Random(10)
    for index in range(300):
        text = SAVED
        for _ in range(dice.randint(1, 3)):
            a, b = sorted(dice.sample(range(len(text)), 2))
            piece = text[a : min(b, a + 20)]
            at = dice.randrange(len(text))
            text = dice.choice(
                [text[:a] + text[b:], text[:at] + piece + text[at:], text.replace(piece, "9" * 30)]
            )
        file = tmp_path / f"{index}.json"
        file.write_text(text)
        start(file)


def test_what_a_run_leaves_is_always_taken(tmp_path, caplog):
    file = tmp_path / "state.json"
    file.write_text(SAVED)
    content, problem = StateFile(file, "tcxo-host kalman").load()
    assert problem == ""
    fresh = Kalman()
    fresh.import_state({**content, "age_s": 0.0})
    assert fresh.export_state() == json.loads(SAVED)["content"]
    Kalman().import_state(Kalman().export_state())


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("path", "text"),
    [(("content", "rates", "gps_rate", "sigma_ppb"), "1e200"), (("content", "noise"), "5")],
)
def test_the_real_daemon_starts_anew(tmp_path, path, text):
    master, slave = pty.openpty()
    (tmp_path / "state.json").write_text(spoilt(path, text))
    with subprocess.Popen(
        [
            *[sys.executable, "-m", "tcxo_host", "run", "--link", f"serial:{os.ttyname(slave)}"],
            *["--output", str(tmp_path / "tcxo"), "--state", str(tmp_path / "state.json")],
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        told = []
        for line in process.stderr:
            told.append(line)
            if "is open" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    os.close(master)
    os.close(slave)
    assert any("set aside as state.json.broken" in line for line in told)
