"""A lively Pi tells who turned by the moment at which it turns itself; temperature needs no witness at all."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from tcxo_host.estimate.interface import State
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.estimate.kalman.turning import TURN_SPANS_S, Coincidence
from tcxo_host.sim.drives import Drive
from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench.trial import run_trial

NOISES = [2.0] * len(TURN_SPANS_S)
SURE = 6.0


def lively(rng):
    """Turns of a Pi under load, ppb: small ones, and now and then a large one."""
    return [float(rng.standard_normal()) * (40.0 if rng.random() < 0.15 else 3.0) for _ in TURN_SPANS_S]


def after_learning(seed):
    rng, witness = np.random.default_rng(seed), Coincidence()
    for _ in range(200):
        witness.learn(lively(rng))
    return witness, rng


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("together", "sign"), [(True, 1), (False, -1)])
def test_who_turned_is_told_by_the_moment(seed, together, sign):
    """The Pi alone turns by 40 ppb now and then, but hardly ever by as much as GPS at the moment when GPS does."""
    witness, rng = after_learning(seed)
    for turn_ppb in (25.0, -30.0, 25.0, 20.0, -25.0):
        theirs = [3.0 * float(rng.standard_normal()) + turn_ppb * together for _ in TURN_SPANS_S]
        for _ in range(TURN_SPANS_S[0] // 4):
            witness.look([turn_ppb] * len(TURN_SPANS_S), theirs, NOISES, 4.0)
    most, least = witness.evidence()
    assert (most if together else least) * sign > SURE
    assert (least if together else most) * sign > -SURE / 2


def test_the_pis_own_large_turns_tell_nothing_of_gps():
    witness, rng = after_learning(9)
    for _ in range(500):
        witness.look([float(rng.standard_normal()) for _ in TURN_SPANS_S], lively(rng), NOISES, 4.0)
    assert max(map(abs, witness.evidence())) < 2.0


def quiet_oscillator_beside_a_pi_under_load():
    steady = load_scenario("steady")
    return dataclasses.replace(
        steady, pi=load_scenario("load").pi, rtc=dataclasses.replace(steady.rtc, present=False)
    )


@cache
def states(name):
    if name == "draught":
        scenario = dataclasses.replace(
            quiet_oscillator_beside_a_pi_under_load(), tcxo=load_scenario("draught").tcxo
        )
        seconds = 3600
    else:
        # 10 ppb a degree, learned over a slow swing of three degrees; then the board cools by six in 200 s.
        scenario = quiet_oscillator_beside_a_pi_under_load()
        swing = Drive("sinusoid", 3.0, period_s=5000.0)
        cooling = Drive("ramp", -6.0, at_s=6000.0, duration_s=200.0)
        scenario = dataclasses.replace(
            scenario,
            tcxo=dataclasses.replace(scenario.tcxo, ppm_per_c=0.01),
            temperature=dataclasses.replace(scenario.temperature, drive=(swing, cooling)),
        )
        seconds = 7000
    track = run_trial(scenario, {"kalman": Kalman()}, 3, seconds)["kalman"].after(600)
    return [state for state in track.states if state != State.TRACK]


def test_gusts_are_laid_to_the_counter_though_the_pi_is_under_load():
    assert len(states("draught")) < 500


def test_a_board_that_does_what_it_is_known_to_do_in_the_cold_is_not_held():
    assert len(states("cold")) < 60
