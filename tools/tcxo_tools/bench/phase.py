"""What phase reaches: simulated against the truth, and on this machine's real clocks with a simulated pin."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from tcxo_host.cli.simulate.phase_trial import PhaseTrial, TrialSecond, Upset
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.estimate.receiver_wander import RECEIVER_WANDER_NS
from tcxo_host.publish.clock_pair import read_pair
from tcxo_host.publish.phase.ambiguity import Witnesses
from tcxo_host.publish.phase.meter import EdgeMeter
from tcxo_host.publish.phase.pin import EdgeFinder, raw_ns
from tcxo_host.publish.phase.sample import Limits, PhasePolicy
from tcxo_host.publish.phase.second import PhaseWork
from tcxo_host.publish.phase.tracker import EdgeTracker
from tcxo_host.sim.clocked_pin import ClockedPin
from tcxo_host.sim.scenario import Scenario, load_scenario

__all__ = [
    "UPSETS",
    "holdover_figures",
    "is_wrong",
    "phase_figures",
    "quiet_figures",
    "real_figures",
    "upset_figures",
]

SETTLED_S = 600
COUNTERS = {"19.2_mhz": 19_200_000, "54_mhz": 54_000_000}
WRONG_SIGMAS = 4.0
_AT_S = 200
UPSETS: dict[str, tuple[Upset, ...]] = {
    **{
        f"pwm_{ns:g}_ns": (Upset("pwm", _AT_S, ns),)
        for ns in (
            30.0,
            40.0,
            60.0,
            -60.0,
            120.0,
            200.0,
            290.0,
            350.0,
            -350.0,
            500.0,
            3e3,
            5e4,
            1e6,
            1e7,
            19.9e6,
        )
    },
    **{f"clock_{ns:g}_ns": (Upset("clock", _AT_S, ns),) for ns in (1e3, -1e6, 1.2e7, -0.3e9, 3600e9)},
    **{f"clock_in_reads_{ns:g}_ns": (Upset("clock", _AT_S, ns, in_reads=True),) for ns in (1e3, -0.3e9)},
    **{f"pwm_mid_second_{ns:g}_ns": (Upset("pwm", _AT_S + 0.5, ns),) for ns in (60.0, 290.0, -3e3, 1e6)},
    "pin_stuck": (Upset("stuck", _AT_S, 1.0), Upset("stuck", _AT_S + 60, 2.0)),
}
_ANY = Limits(half_width_ns=1e5, sigma_ns=1e9)


def phase_figures(seed: int = 1, seconds: int = 3600, samples: int = 600) -> dict[str, Any]:
    """Everything under ``phase``: simulated ``seconds`` each, real ones with so many ``samples``. Errors in ns."""
    report: dict[str, Any] = {name: quiet_figures(hz, seed, seconds) for name, hz in COUNTERS.items()}
    report["holdover_hour"] = holdover_figures(load_scenario("gps-outage"), seed)
    wrong, sent = 0, 0
    for upsets in UPSETS.values():
        figures = upset_figures(load_scenario("steady"), upsets, seed, 420)
        wrong, sent = wrong + figures["wrong"], sent + figures["sent"]
    board = upset_figures(load_scenario("reboot"), (), seed, seconds)
    report["upsets"] = {
        "runs": len(UPSETS) + 1,
        "wrong_samples": wrong + board["wrong"],
        "samples": sent + board["sent"],
    }
    report["real_clock"] = real_figures(samples)
    return report


def quiet_figures(counter_hz: int, seed: int, seconds: int) -> dict[str, float]:
    """``day`` after ten minutes: noise and constant part of the samples' error, beside what is claimed of them."""
    trial = PhaseTrial(load_scenario("day"), seed, counter_hz=counter_hz)
    done = [each for each in trial.seconds(seconds) if each.index >= SETTLED_S and each.error_ns is not None]
    errors = np.array([each.error_ns for each in done])
    return {
        "noise_ns": _rounded(errors.std()),
        "constant_ns": _rounded(errors.mean()),
        "worst_ns": _rounded(np.abs(errors).max()),
        "half_width_ns": _rounded(np.mean([_half_width(each) for each in done])),
        "share_sent": _rounded(len(done) / (seconds - SETTLED_S)),
        "outside_half_width": sum(is_wrong(each) for each in done),
    }


def holdover_figures(scenario: Scenario, seed: int) -> dict[str, float]:
    """The phase at the end of the scenario's outage, whatever the limits for sending are."""
    outage = next(fault for fault in scenario.fault if fault.kind == "outage")
    end_s = int(outage.at_s + outage.duration_s)
    trial = PhaseTrial(scenario, seed, limits=_ANY)
    away = [
        each
        for each in trial.seconds(end_s)
        if each.index > outage.at_s + 10 and each.state is State.HOLDOVER and each.error_ns is not None
    ]
    ratios = [abs(each.error_ns or 0.0) / _sigma(each) for each in away]
    return {
        "seconds": len(away),
        "end_error_ns": _rounded(away[-1].error_ns),
        "end_sigma_ns": _rounded(_sigma(away[-1])),
        "worst_sigmas": _rounded(max(ratios)),
    }


def upset_figures(scenario: Scenario, upsets: Sequence[Upset], seed: int, seconds: int) -> dict[str, int]:
    """How many samples were sent, and how many were further off than half-width and four sigmas allow."""
    trial = PhaseTrial(scenario, seed, upsets=upsets)
    sent = wrong = 0
    for each in trial.seconds(seconds):
        if each.error_ns is not None:
            sent += 1
            wrong += is_wrong(each)
    return {"sent": sent, "wrong": wrong}


def real_figures(samples: int) -> dict[str, float]:
    """The shipped polls and pairs on this machine's clocks, as fast as edges come, and what they cost.

    The truth is the tightest of many more pairs, read right after each sample.
    """
    period = Fraction(20_000_000)
    pin = ClockedPin(20_000_000, raw_ns() - 5_000_000)
    tracker, policy = EdgeTracker(period), PhasePolicy(_ANY)
    meter = EdgeMeter(EdgeFinder(pin, float(period)), tracker)
    work = PhaseWork(meter, policy, read_pair, raw_ns)
    errors: list[float] = []
    half_widths: list[float] = []
    costs_s: list[float] = []
    outside = 0
    while len(errors) < samples:
        now_ns = raw_ns()
        phase = pin.phase_now(now_ns)
        bound_ns = 1e6 + abs(pin.true_offset_ns(_real_minus_raw(50), time.time_ns()))
        if bound_ns > 4e6:  # this machine's second begins anywhere: let the pin's begin there too
            pin = ClockedPin(20_000_000, raw_ns() - time.time_ns() % 1_000_000_000)
            meter = EdgeMeter(EdgeFinder(pin, float(period)), EdgeTracker(period))
            work = PhaseWork(meter, PhasePolicy(_ANY), read_pair, raw_ns)
            continue
        estimate = dataclasses.replace(Estimate(State.TRACK, ""), phase=phase)
        witnesses = Witnesses(bound_ns, arrival_tick=phase.tick, arrival_ns=now_ns)
        start_s = time.process_time()
        sample = work.second(estimate, witnesses).verdict.sample
        costs_s.append(time.process_time() - start_s)
        if sample is not None:
            error_ns = sample.offset_ns - pin.true_offset_ns(_real_minus_raw(2000), sample.real_ns)
            errors.append(error_ns)
            half_widths.append(sample.half_width_ns)
            outside += abs(error_ns) > sample.half_width_ns
    settled = np.array(errors[len(errors) // 4 :])
    return {
        "noise_ns": _rounded(settled.std()),
        "constant_ns": _rounded(settled.mean()),
        "worst_ns": _rounded(np.abs(settled).max()),
        "half_width_ns": _rounded(half_widths[-1]),
        "outside_half_width": outside,
        "samples": len(errors),
        "cpu_s_per_h": _rounded(3600.0 * float(np.mean(costs_s))),
    }


def _real_minus_raw(tries: int) -> int:
    """REALTIME minus RAW from the tightest of so many plain triples, ns."""
    clock, best = time.clock_gettime_ns, (1 << 62, 0)
    for _ in range(tries):
        before = clock(time.CLOCK_MONOTONIC_RAW)
        real = clock(time.CLOCK_REALTIME)
        after = clock(time.CLOCK_MONOTONIC_RAW)
        best = min(best, (after - before, real - (before + after) // 2))
    return best[1]


def is_wrong(second: TrialSecond) -> bool:
    """Whether a sample is further off than half-width and four sigmas allow."""
    return abs(second.error_ns or 0.0) > _half_width(second) + WRONG_SIGMAS * _sigma(second)


def _half_width(second: TrialSecond) -> float:
    assert second.verdict is not None
    assert second.verdict.sample is not None
    return second.verdict.sample.half_width_ns


def _sigma(second: TrialSecond) -> float:
    """The sample's sigma less what it claims for a real receiver's wander, which the simulated one does not have."""
    assert second.verdict is not None
    assert second.verdict.sample is not None
    return math.sqrt(second.verdict.sample.sigma_ns**2 - RECEIVER_WANDER_NS**2)


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")
