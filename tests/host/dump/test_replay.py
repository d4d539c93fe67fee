"""Replay: the rows of the daemon's own pipeline, from a file."""

import argparse
import json

import pytest
from support.captures import frames, write_capture
from support.dump import dump
from support.streams import PerfectBoard, identify
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.dump.analyse.replay import CSV_HEADER, csv_row
from tcxo_host.dump.commands.replay import make_pipeline
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.baseline import Baseline
from tcxo_host.publish.compensation import Compensation
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.publish.start_check import Remembered, StartCheck
from tcxo_protocol.records import build_record


def live_rows(fed):
    pipeline = Pipeline(make_estimator("boxcar64"), PublishPolicy(), Compensation(Baseline(None)))
    pipeline.link_opened()
    events = [event for host_ns, payload in fed for event in pipeline.feed(host_ns, payload)]
    return [csv_row(event) for event in events if isinstance(event, Row)]


def test_the_rows_are_those_of_the_live_pipeline(tmp_path):
    """Also over a restart of the board, where host time bridges the ticks."""
    board = PerfectBoard(pi_ppm=0.5)
    fed = [*frames(100, board), *frames(100, PerfectBoard(pi_ppm=0.5), boot_id=2, start_s=112.5)]
    path = tmp_path / "a.tcxocap.gz"
    from support.captures import START_NS, utc_of
    from tcxo_host.capture.writer import CaptureWriter

    writer = CaptureWriter(path, utc_of=utc_of)
    writer.link_opened(START_NS)
    for host_ns, payload in fed:
        writer.write(host_ns, payload)
    writer.close()
    out = tmp_path / "rows.csv"
    done = dump("replay", path, "--estimator", "boxcar64", "--csv", out)
    assert done.returncode == 0, done.stderr
    header, *rows = out.read_text().splitlines()
    assert header == CSV_HEADER
    assert rows == live_rows(fed)
    assert len(rows) == 200
    assert rows[90].split(",")[1:4] == ["track", "-0.500000", "0.500000"]
    assert ",track,-0.5" in rows[-1]
    assert "board TEST, boot 00000002" in done.stdout


def test_stdin_and_stdout(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=10)
    with path.open("rb") as file:
        done = dump("replay", "-", "--estimator", "boxcar64", "--csv", "-", stdin=file)
    assert done.stdout.splitlines()[0] == CSV_HEADER
    assert len(done.stdout.splitlines()) == 11
    assert "10 seconds, 0 with a published value" in done.stderr


def test_a_cut_capture_is_used_and_the_exit_status_says_so(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=10)
    path.write_bytes(path.read_bytes()[:-4])
    done = dump("replay", path, "--csv", "-")
    assert done.returncode == 65
    assert len(done.stdout.splitlines()) == 10
    assert "cut off inside its last entry" in done.stderr


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["replay"], 64, "FILE"),
        (["replay", "/nonexistent"], 65, "/nonexistent: cannot be read: No such file"),
        (["replay", "/dev/null"], 65, "is empty"),
        (["replay", "/dev/null", "--estimator", "magic"], 78, "estimator.name"),
        (["replay", "/dev/null", "--csv", "/nonexistent/x"], 73, "cannot be written"),
        (["replay", "/dev/null", "--speed", "-1"], 64, "expected max"),
        (["record", "--link", "serial:/nonexistent", "-o", "/tmp/never"], 69, "no such device"),
        (["record", "--rotate", "soon"], 64, "expected a period"),
        (["record", "--seconds", "0"], 64, "expected a number of seconds above 0"),
        (["info", "sim:day", "--seconds=-3"], 64, "expected a number of seconds above 0"),
        (["frobnicate"], 64, "invalid choice"),
    ],
)
def test_wrong_usage_is_one_line_and_a_status(args, status, said):
    done = dump(*args)
    assert done.returncode == status
    assert said in done.stderr.splitlines()[-1]


def test_a_gps_that_goes_soon_after_the_start_is_held_as_live():
    """The daemon without a state file does not go on without GPS before it knew the TCXO; nor does replay."""
    pipeline = make_pipeline(argparse.Namespace(config=None, estimator="kalman"))
    held = StartCheck(Remembered()).doubt(Estimate(State.HOLDOVER, "", 0.3), 60.0, "b")
    assert held
    assert pipeline._doubt(Estimate(State.HOLDOVER, "", 0.3), 60.0, "b") == held


@pytest.mark.parametrize(("config", "rate_hz"), [(True, 48.0), (False, 50.0)])
def test_the_daemons_settings_tell_the_rate_of_a_signal_that_the_board_was_not_made_for(
    tmp_path, config, rate_hz
):
    path = tmp_path / "tcxo-host.toml"
    path.write_text('[source]\nsignal = "uart:/dev/ttyS0"\nbaud = 480\n')
    pipeline = make_pipeline(argparse.Namespace(estimator=None, config=str(path) if config else None))
    pipeline.feed(0, build_record(identify()))
    assert pipeline.collector.ledgers["host_pwm"].rate_hz == rate_hz


def test_the_summary_as_json_ends_with_the_last_row(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, 100, board=PerfectBoard(pi_ppm=0.5))
    done = dump("replay", path, "--estimator", "boxcar64", "--json")
    told = json.loads(done.stdout)
    assert (told["seconds"], told["bad_records"]) == (100, 0)
    assert told["last"]["freq_error_ppm"] == pytest.approx(0.5, abs=1e-3)
    assert told["last"]["boot_id"] == "00000001"
    assert "board TEST, boot 00000001" in done.stderr
    done = dump("replay", path, "--json", "--csv", "-")
    assert (done.returncode, done.stdout) == (64, "")
