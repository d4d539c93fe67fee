"""The bench's figures for the oven come from the shipped loop, and hold what is promised."""

import dataclasses

import pytest
from tcxo_host.pi.heat.learn.sweep import Idle
from tcxo_tools.bench import heat as bench_heat


def test_the_crystal_is_five_times_steadier_and_the_die_within_a_tenth_of_a_kelvin():
    hours = 5.0
    sensor = bench_heat.SENSORS["step_0.487"]
    learned, set_point_c = bench_heat.learn_figures(1, sensor, hours=3.0)
    assert abs(learned["turnover_error_k"]) < learned["turnover_half_width_k"] < 1.5
    free = bench_heat.ran(bench_heat._pi(2), Idle(), hours)[0]
    figures = bench_heat.steady_figures(bench_heat._pi(3), set_point_c, free, hours)
    assert figures["gain"] > 5.0
    assert figures["die_std_k"] < 0.1


def test_the_promised_names_are_there(monkeypatch):
    monkeypatch.setattr(bench_heat, "SENSORS", {"one": (0.487, 0.0)})
    for name in ("learn_figures", "calm_figures", "door_figures", "walk_figures"):
        given = ({"turnover_error_k": 0.0}, 61.0) if name == "learn_figures" else {name: 1.0}
        monkeypatch.setattr(bench_heat, name, lambda *_, given=given: given)
    monkeypatch.setattr(bench_heat, "SETTLED_S", 600.0)
    report = bench_heat.heat_figures(1, hours=0.5)
    assert set(report) == {"one", "walk", "turnover_out_of_reach"}
    assert {"raw_std_ppm", "held_std_ppm", "gain", "die_std_k", "turnover_error_k"} <= set(report["one"])


def test_a_trial_that_stops_for_safety_is_no_figure():
    pi = bench_heat._pi(1)
    pi._spoil = lambda reading: dataclasses.replace(reading, temperature_c=99.0)
    with pytest.raises(AssertionError, match="the limit"):
        bench_heat.ran(pi, bench_heat.Oven(bench_heat.CORES, 60.0), 1.0)
