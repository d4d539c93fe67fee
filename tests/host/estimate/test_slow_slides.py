"""A receiver without a fix slides off slowly, and perhaps nobody can tell that it was not the TCXO that moved.

What the slide does to a value is that value less the one of the same clocks beside a receiver that has its fix.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.sim.drives import Drive
from tcxo_host.sim.scenario import load_scenario
from tcxo_tools.bench.trial import run_trial

STEADY = load_scenario("steady")
AT_S, BACK_S, END_S = 1870, 2470, 2800
SLIDES = {"20 ppb": (20, 0), "50 ppb in 10 min": (50, 600), "200 ppb in 10 min": (200, 600)}


def board(pi, rtc, slide=None):
    """``pi``: its crystal's walk in ppb per root second, or a Pi under changing load."""
    crystal = (
        load_scenario("load").pi if pi == "load" else dataclasses.replace(STEADY.pi, random_walk_fm=pi * 1e-9)
    )
    drive = ()
    if slide:
        ppb, ramp_s = SLIDES[slide]
        kind = "ramp" if ramp_s else "step"
        drive = (
            Drive(kind, ppb * 1e-3, at_s=AT_S, duration_s=ramp_s or 1.0),
            Drive("step", -ppb * 1e-3, at_s=BACK_S),
        )
    return dataclasses.replace(
        STEADY,
        pi=crystal,
        gps=dataclasses.replace(STEADY.gps, drive=drive),
        rtc=dataclasses.replace(STEADY.rtc, present=rtc),
    )


def tracked(scenario, seed=1, seconds=END_S, kalman=None):
    return run_trial(scenario, {"kalman": kalman or Kalman()}, seed, seconds)["kalman"]


@cache
def without_slide(pi, rtc):
    track = tracked(board(pi, rtc))
    return dict(zip(track.seconds.tolist(), track.error_ppm.tolist(), strict=True))


@pytest.mark.parametrize(
    ("pi", "rtc", "slide"),
    [
        (0.1, True, "50 ppb in 10 min"),
        (1.5, False, "20 ppb"),
        (1.5, False, "50 ppb in 10 min"),
        (1.5, False, "200 ppb in 10 min"),
        ("load", False, "50 ppb in 10 min"),
        ("load", False, "200 ppb in 10 min"),
    ],
)
def test_no_slide_moves_what_is_tracked(pi, rtc, slide):
    slid = tracked(board(pi, rtc, slide)).after(AT_S)
    of = without_slide(pi, rtc)
    track = slid.tracking()
    moved = np.array(
        [error - of[second] for second, error in zip(track.seconds.tolist(), track.error_ppm, strict=True)]
    )
    assert np.abs(moved).max() < 0.012
    assert np.abs(moved / track.sigma_ppm).max() < 5.0
    assert track.between(AT_S + 90, BACK_S).seconds.size == 0
    assert track.after(BACK_S + 150).seconds.size > 120


def test_it_is_told_that_one_of_the_two_moved():
    scenario = board("load", False, "50 ppb in 10 min")
    reasons = set()

    class Telling(Kalman):
        def update(self, second):
            estimate = super().update(second)
            reasons.add(estimate.reason)
            return estimate

    tracked(scenario, seconds=AT_S + 200, kalman=Telling())
    assert any("one of them moved" in each for each in reasons)


def test_a_tcxo_that_moves_with_no_witness_is_held_against_it_once():
    """An ordinary oscillator beside a Pi that wanders and without an RTC looks like a slide."""
    crystal = load_scenario("no-tcxo").tcxo
    track = tracked(dataclasses.replace(board("load", False), tcxo=crystal), 3, 4800).after(600)
    assert track.fresh.mean() > 0.7
