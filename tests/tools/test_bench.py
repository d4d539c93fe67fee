"""The bench says what it promises, and its bound is independent of the filter it judges."""

import json
import math

import pytest
from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench import __main__ as bench
from tcxo_tools.bench.cost import throughput_edges_per_s
from tcxo_tools.bench.dump import measure
from tcxo_tools.bench.holdover import holdover_figures
from tcxo_tools.bench.long import long_figures
from tcxo_tools.bench.riccati import bound_rms_ppm
from tcxo_tools.bench.ticks import tick_figures


def test_json_has_the_promised_keys(capsys):
    assert bench.main(["--json", "--no-cost", "--seconds", "700", "--scenario", "matched"]) == 0
    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    figures = report["scenarios"]["matched"]
    assert {
        "kalman_rms_ppm",
        "boxcar64_rms_ppm",
        "gain",
        "bound_rms_ppm",
        "bound_ratio",
        "worst_ppm",
    } <= set(figures)
    assert figures["gain"] == pytest.approx(figures["boxcar64_rms_ppm"] / figures["kalman_rms_ppm"], rel=1e-3)
    assert 0.85 < figures["bound_ratio"] < 1.15


def test_no_gps_is_no_figure():
    assert bench.scenario_figures(load_scenario("gps-absent"), 1, 400) == {"published": 0}


def test_unknown_scenario_is_one_line(capsys):
    assert bench.main(["--scenario", "dya"]) == 64
    assert "unknown scenario 'dya'" in capsys.readouterr().err


def test_the_bound_has_its_limits_right():
    """With a noiseless Pi walk the future second's white FM is what remains; more walk costs more."""
    quiet = load_scenario("steady")
    assert 0.001 < bound_rms_ppm(quiet) < 0.00115
    matched = bound_rms_ppm(load_scenario("matched"))
    # Tracking a random walk behind white FM in continuous time: rate variance = walk * white.
    continuous = math.sqrt(1.5 * 1.0 + 1.5**2 * (0.5 + 1 / 3) + 1.0) * 1e-3
    assert continuous < matched < 1.15 * continuous


def test_throughput_counts_edges():
    assert throughput_edges_per_s(1, 130) > 10_000


def test_dump_figures_come_from_the_real_commands():
    figures = measure(seconds=300, record_s=2)
    assert figures["edges"] == pytest.approx(300 * 52, abs=5)
    assert 25 < figures["mib_per_day"] < 30
    assert 20 < figures["rss_mib"] < 400
    assert {"info_s", "stats_s", "replay_kalman_s", "record_core_percent"} <= set(figures)
    assert all(figures[name] > 0 for name in figures if name.endswith("_s"))


def test_long_run_reports_first_and_last_day(monkeypatch):
    monkeypatch.setattr("tcxo_tools.bench.long._DAY_S", 900)
    figures = long_figures(2, 1, lambda line: None)
    assert figures["last_day"]["rms_ppm"] == pytest.approx(figures["first_day"]["rms_ppm"], rel=0.5)
    assert figures["last_day"]["published"] == 898  # the last two await their truth
    assert 0 < figures["eigenvalue_ratio"] < 1


def test_the_picture_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("tcxo_tools.bench.plot.START_S", 500)
    monkeypatch.setattr("tcxo_tools.bench.plot.END_S", 800)
    target = tmp_path / "load.svg"
    assert bench.main(["--plot", str(target)]) == 0
    text = target.read_text()
    assert text.count("<path") > 20
    assert "rms" in text or "<use" in text


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tcxo_tools.bench.plot.START_S", 100)
    monkeypatch.setattr("tcxo_tools.bench.plot.END_S", 200)
    assert bench.main(["--plot", str(tmp_path / "no" / "x.svg")]) == 73
    assert "cannot draw there" in capsys.readouterr().err


def test_holdover_tells_when_the_clock_is_so_far_off_and_that_a_limit_was_not_reached():
    told = []
    figures = holdover_figures(told.append, learn_s=400, lost_s=1200, seeds=(1,))
    assert list(figures) == ["crystal", "tcxo", "ocxo", "ref"]
    assert 0 < figures["crystal"]["1_us_s"] < 1200
    assert figures["ocxo"]["100_us_s"] == 1200
    assert len(told) == 4


def test_ticks_tells_what_they_cost_and_that_nothing_is_published_where_the_edges_stand_still():
    figures = tick_figures(1, lambda line: None, seconds=750, phase_seconds=700)
    assert figures["10_mhz_0.3_ppm"]["rms_ppb"] < 2.0
    assert figures["10_mhz_0.005_ppm"] == {
        "rms_ppb": None,
        "worst_ppb": None,
        "fresh": 0.0,
        "phase_ns": None,
        "phase_samples": 0,
    }
