"""The bench's figures for phase come from the shipped code, and have the promised names."""

from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench import phase as bench_phase


def test_the_promised_figures_are_there(monkeypatch):
    monkeypatch.setattr(bench_phase, "UPSETS", {"clock": bench_phase.UPSETS["clock_1000_ns"]})
    monkeypatch.setattr(bench_phase, "holdover_figures", lambda scenario, seed: {"end_error_ns": 1.0})
    report = bench_phase.phase_figures(1, seconds=700, samples=40)
    assert set(report) == {"19.2_mhz", "54_mhz", "holdover_hour", "upsets", "real_clock"}
    assert {"noise_ns", "constant_ns", "half_width_ns", "cpu_s_per_h"} <= set(report["real_clock"])
    assert report["real_clock"]["samples"] == 40
    assert report["upsets"]["runs"] == 2
    assert report["upsets"]["samples"] > 900


def test_a_wrong_sample_is_counted(monkeypatch):
    """With nothing allowed, every sample is wrong."""
    monkeypatch.setattr(bench_phase, "WRONG_SIGMAS", -1e6)
    figures = bench_phase.upset_figures(load_scenario("steady"), (), 1, 60)
    assert figures["wrong"] == figures["sent"] > 30


def test_real_clocks_give_what_they_claim():
    figures = bench_phase.real_figures(60)
    assert abs(figures["constant_ns"]) <= figures["half_width_ns"]
    assert figures["outside_half_width"] <= 1  # the truth is itself read from a busy machine
