"""The baseline: decided once, kept with board and kernel, changed by command only."""

import json

import pytest
from support.streams import PerfectBoard, identify
from tcxo_host.cli.main import main
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.boxcar.estimator import Boxcar64
from tcxo_host.estimate.interface import State
from tcxo_host.publish.baseline import Baseline, StoredBaseline, parse_stored
from tcxo_host.publish.compensation import Compensation
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.records import build_record


@pytest.mark.parametrize(
    ("error_ppm", "baseline_ppm"), [(0.3, 0.0), (4.99, 0.0), (-5.0, 0.0), (5.3, 5.0), (-23.6, -24.0)]
)
def test_auto_decides_on_the_first_good_estimate_and_stays(error_ppm, baseline_ppm):
    baseline = Baseline(None, kernel="6.1")
    assert baseline.known_ppm("b") == 0.0
    assert baseline.stored is None
    assert baseline.ppm(error_ppm, "b") == baseline_ppm
    assert baseline.ppm(error_ppm + 4.0, "b") == baseline_ppm
    assert baseline.stored == StoredBaseline(baseline_ppm, "b", "6.1")


def test_a_number_is_a_number():
    assert Baseline(7.5, StoredBaseline(3.0, "b", "k"), "k").ppm(0.1, "b") == 7.5


@pytest.mark.parametrize(
    ("board", "kernel", "ppm"), [("b", "6.1", 20.0), ("other", "6.1", 12.0), ("b", "6.6", 12.0)]
)
def test_a_stored_one_holds_for_its_board_and_kernel(board, kernel, ppm):
    assert Baseline(None, StoredBaseline(20.0, "b", "6.1"), kernel).ppm(12.2, board) == ppm


def test_one_set_by_hand_holds_for_any_board():
    assert Baseline(None, StoredBaseline(20.0, "", "6.1"), "6.1").ppm(12.2, "whichever") == 20.0


@pytest.mark.parametrize("values", [{}, {"ppm": "x"}, {"ppm": 1e9, "board_id": "", "kernel": ""}])
def test_damaged_values_are_refused(values):
    with pytest.raises(ValueError, match="is not a number from -500 to 500"):
        parse_stored(values)


def rows(baseline, pi_ppm, seconds=70):
    pipeline = Pipeline(Boxcar64(), PublishPolicy(), Compensation(baseline))
    pipeline.feed(0, build_record(identify()))
    events = []
    for index, payload in enumerate(PerfectBoard(pi_ppm=pi_ppm).payloads(seconds)):
        events += pipeline.feed((index + 1) * 1_000_000_000, payload)
    return [event for event in events if isinstance(event, Row)]


def test_a_crystal_beyond_chronys_range_is_published_against_its_baseline():
    last = rows(Baseline(None), 23.4)[-1]
    assert last.published_ppm == pytest.approx(-0.4, abs=0.001)
    assert last.baseline_ppm == 23.0


def test_out_of_range_is_a_state_and_never_clipped():
    last = rows(Baseline(0.0), 23.4)[-1]
    assert last.published_ppm is None
    assert last.state is State.HOLD
    assert last.reason.startswith("out of range")


def test_command_sets_shows_and_clears(tmp_path, capsys):
    state = str(tmp_path / "state.json")
    assert main(["baseline", "--state", state]) == 0
    assert "no baseline" in capsys.readouterr().out
    assert main(["baseline", "--state", state, "--set", "23"]) == 0
    assert "restart the daemon" in capsys.readouterr().out
    assert main(["baseline", "--state", state, "--set", "25"]) == 0
    assert "step of +2 ppm" in capsys.readouterr().out
    assert json.loads((tmp_path / "baseline.json").read_text())["content"]["ppm"] == 25.0
    assert main(["baseline", "--state", state]) == 0
    assert "baseline +25 ppm (any board" in capsys.readouterr().out
    assert main(["baseline", "--state", state, "--clear"]) == 0
    assert not (tmp_path / "baseline.json").exists()


def test_help_says_where_the_baseline_is(capsys):
    with pytest.raises(SystemExit):
        main(["baseline", "--help"])
    assert "the daemon's state file, beside which baseline.json holds the baseline" in " ".join(
        capsys.readouterr().out.split()
    )


def test_command_refuses_nonsense(tmp_path, capsys):
    assert main(["baseline", "--state", str(tmp_path / "s"), "--set", "1000"]) == 64
    assert main(["baseline"]) == 78
    assert main(["baseline", "--state", "/proc/nowhere/s", "--set", "1"]) == 73
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 3
    assert "state.path" in errors[1]
