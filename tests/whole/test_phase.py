"""The whole way of phase, simulated: board, filter, polls, pairs, decision. Wrong samples: none, whatever happens."""

import dataclasses

import numpy as np
import pytest
from tcxo_host.cli.simulate.phase_trial import PhaseTrial, Upset
from tcxo_host.publish.phase.sample import Limits
from tcxo_host.sim.pi_clocks import Latency
from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench import phase as bench_phase
from tcxo_tools.bench.phase import UPSETS, holdover_figures, quiet_figures, upset_figures

STEADY = load_scenario("steady")


@pytest.mark.parametrize("counter_hz", [19_200_000, 54_000_000])
def test_noise_and_constant_error_on_a_wandering_pi(counter_hz):
    figures = quiet_figures(counter_hz, seed=4, seconds=2400)
    assert figures["noise_ns"] <= 8.0
    assert abs(figures["constant_ns"]) <= 20.0
    assert figures["half_width_ns"] < 300.0
    assert figures["outside_half_width"] == 0
    assert figures["share_sent"] > 0.99


def test_reads_of_unequal_halves_shift_it_by_half_the_difference_within_the_half_width():
    trial = PhaseTrial(STEADY, 2, latency=Latency(before_ns=80.0, after_ns=280.0))
    errors = [each for each in trial.seconds(1200) if each.index >= 600]
    assert np.mean([each.error_ns for each in errors]) == pytest.approx(-100.0, abs=15)
    for each in errors:
        assert abs(each.error_ns) < each.verdict.sample.half_width_ns


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("upsets", UPSETS.values(), ids=UPSETS)
def test_nothing_wrong_is_sent_when_something_jumps_and_then_it_goes_on(upsets, seed):
    """Seeds that were seen to fail: 1 after 3000 ns (late polls kept the old edges alive), 2 after 60 ns (a filter
    that bends after a small step and then refuses what comes)."""
    trial = PhaseTrial(STEADY, seed, upsets=upsets)
    wrong, sent_after = [], 0
    for each in trial.seconds(360):
        if each.error_ns is not None:
            if bench_phase.is_wrong(each):
                wrong.append((each.index, each.error_ns))
            sent_after += each.index >= 320
    assert wrong == []
    assert sent_after > 20


def test_restarts_of_the_board_and_a_lost_line_send_nothing_wrong():
    figures = upset_figures(load_scenario("reboot"), (), 5, 2600)
    assert figures["wrong"] == 0
    assert figures["sent"] > 2300


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_pin_that_never_changes_sends_nothing_and_is_told(level):
    trial = PhaseTrial(STEADY, 1, upsets=[Upset("stuck", 0, level)])
    verdicts = [each.verdict for each in trial.seconds(60)]
    assert all(each.sample is None for each in verdicts)
    assert verdicts[-1].refusal == "no-edges"
    assert f"the pin is always {'high' if level else 'low'}" in verdicts[-1].reason


def test_a_pwm_of_49_999_hz_sends_nothing():
    trial = PhaseTrial(STEADY, 1)
    trial.pi.slow_ppm = 20.0
    verdicts = [each.verdict for each in trial.seconds(120)]
    assert all(each.sample is None for each in verdicts)


def test_a_clock_that_nobody_knows_sends_nothing():
    trial = PhaseTrial(STEADY, 1, bound_ns=None)
    verdicts = [each.verdict for each in trial.seconds(60)]
    assert all(each.sample is None for each in verdicts)
    assert verdicts[-1].refusal == "ambiguity"


def test_holdover_of_an_hour_with_a_learned_temperature():
    figures = holdover_figures(load_scenario("gps-outage"), seed=2)
    assert abs(figures["end_error_ns"]) < 20_000
    assert figures["worst_sigmas"] < 4.0
    assert figures["seconds"] > 3500


def test_holdover_ends_where_sigma_says_so():
    scenario = load_scenario("gps-outage")
    outage = dataclasses.replace(scenario.fault[0], at_s=900.0, duration_s=900.0)
    trial = PhaseTrial(
        dataclasses.replace(scenario, fault=(outage,)), 1, limits=Limits(half_width_ns=1000.0, sigma_ns=300.0)
    )
    done = list(trial.seconds(1900))
    away = [each for each in done if 905 <= each.index < 1800]
    assert {each.verdict.refusal for each in away} == {None, "sigma"}
    assert all(each.verdict.sample.sigma_ns <= 300 for each in away if each.verdict.sample)
    assert done[-1].verdict.sample is not None
