"""The state file: whole or set aside, never fatal, and it shortens the next start."""

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tcxo_host.config.settings import Config, StateConfig
from tcxo_host.daemon.kept_state import SAVE_EVERY_S, KeptState
from tcxo_host.daemon.state_file import StateFile, baseline_file, load_baseline
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World

BOARD = Board("b", 1, 84e6, {"gps_pps": 1.0, "rtc_pps": 1.0, "host_pwm": 50.0})


def fed(seconds=60):
    world, kalman = World(load_scenario("steady"), 1), Kalman()
    kalman.restart(BOARD)
    for _ in range(seconds):
        second = world.step()
        kalman.update(Second(second.tick_end, second.edges, {}, second.temperature_c))
    return kalman


def test_round_trip_with_age(tmp_path, monkeypatch):
    file = StateFile(tmp_path / "new" / "state.json", "k")
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert file.save({"a": 1}) == ""
    monkeypatch.setattr("time.time", lambda: 1090.0)
    assert file.load() == ({"a": 1, "age_s": 90.0}, "")
    monkeypatch.setattr("time.time", lambda: 5.0)  # a Pi without a clock wakes up in 1970
    assert file.load() == ({"a": 1, "age_s": 0.0}, "")


def test_no_file_is_no_problem(tmp_path):
    assert StateFile(tmp_path / "state.json", "k").load() == (None, "")


WHOLE = json.dumps({"kind": "k", "version": 1, "saved_unix_s": 1.0, "content": {"a": 1}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        WHOLE.replace('"k"', '"other"'),
        WHOLE.replace("1,", "2,", 1),
        WHOLE.replace('{"a": 1}', "7"),
        WHOLE.replace("1.0", '"x"'),
        "[" * 100_000,
    ],
)
def test_a_broken_or_foreign_file_is_set_aside(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    content, problem = StateFile(path, "k").load()
    assert content is None
    assert "set aside as state.json.broken" in problem
    assert (tmp_path / "state.json.broken").read_text() == text
    assert not path.exists()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_or_damaged_anywhere_is_never_fatal(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("state") / "state.json"
    raw = SAVED[: data.draw(st.integers(0, len(SAVED)))]
    if raw and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + bytes([data.draw(st.integers(0, 255))]) + raw[at + 1 :]
    path.write_bytes(raw)
    estimator = Kalman()
    KeptState(Config(state=StateConfig(str(path))), estimator)
    estimator.restart(BOARD)
    assert estimator.export_state()["tick_hz"] == 84e6


def saved_bytes(tmp_path_factory=None):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = StateFile(f"{folder}/state.json", "tcxo-host kalman")
        file.save(fed().export_state())
        return file.path.read_bytes()


SAVED = saved_bytes()


def test_it_is_loaded_and_saved_now_and_then_and_at_the_end(tmp_path):
    path = tmp_path / "state.json"
    kept = KeptState(Config(state=StateConfig(str(path))), fed())
    kept.tick(0.0)
    assert not path.exists()
    kept.tick(SAVE_EVERY_S)
    assert path.exists()
    path.unlink()
    kept.close()
    after = Kalman()
    KeptState(Config(state=StateConfig(str(path))), after)
    assert after.export_state()["rates"]["gps_rate"]["ppb"] == pytest.approx(-470, abs=10)


def test_a_state_the_estimator_refuses_is_set_aside_and_said(tmp_path, caplog):
    file = StateFile(tmp_path / "state.json", "tcxo-host kalman")
    file.save({"rates": "none"})
    with caplog.at_level(logging.WARNING):
        KeptState(Config(state=StateConfig(str(file.path))), Kalman())
    assert "set aside" in caplog.text
    assert not file.path.exists()


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, caplog):
    kept = KeptState(Config(state=StateConfig("/proc/nowhere/state.json")), fed())
    with caplog.at_level(logging.WARNING):
        for second in range(3):
            kept.tick(second * SAVE_EVERY_S)
        kept.close()
    assert caplog.text.count("cannot be written") == 1


def test_an_old_state_is_trusted_less():
    young, old = Kalman(), Kalman()
    state = fed().export_state()
    young.import_state({**state, "age_s": 60.0})
    old.import_state({**state, "age_s": 100 * 86_400.0})
    sigmas = [k.export_state()["rates"]["gps_rate"]["sigma_ppb"] for k in (young, old)]
    assert sigmas[1] > 290 > sigmas[0]


def test_a_broken_baseline_is_set_aside(tmp_path):
    file = baseline_file(tmp_path / "state.json")
    file.save({"ppm": 1e9, "board_id": "", "kernel": ""})
    stored, problem = load_baseline(file)
    assert stored is None
    assert "is not a number from -500 to 500" in problem
    assert "set aside" in problem


def test_what_was_learned_from_a_doubted_gps_leaves_the_earlier_state(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(SAVED)
    kept = KeptState(Config(state=StateConfig(str(path))), fed())
    kept.tick(0.0, learned=False)
    kept.tick(SAVE_EVERY_S, learned=False)
    kept.close(learned=False)
    assert path.read_bytes() == SAVED


def test_a_baseline_that_could_not_be_written_is_tried_again(tmp_path):
    folder = tmp_path / "state"
    folder.write_text("in the way")
    kept = KeptState(Config(state=StateConfig(str(folder / "state.json"))), fed())
    kept.baseline.decide(2.0, "b")
    kept.tick(0.0)
    folder.unlink()
    kept.tick(1000.0)
    assert load_baseline(baseline_file(folder / "state.json"))[0].ppm == 2.0
