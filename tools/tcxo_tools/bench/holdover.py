"""How long a GPS loss each kind of oscillator survives: the time until the clock is 1, 10, 100 us off.

The Pi of scenario ``day``, in a room that swings by 2 degrees in 90 minutes; four hours with GPS, then none. The clock
is taken to follow the published values and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.sim.scenario import Crystal, Fault, load_scenario

from .trial import run_trial

__all__ = ["KINDS", "holdover_figures"]

KINDS = {
    "crystal": Crystal(freq_ppm=-8.0, white_fm=1e-9, random_walk_fm=1e-10, ppm_per_c=0.2),
    "tcxo": Crystal(freq_ppm=0.47, white_fm=3e-10, random_walk_fm=2e-11, ppm_per_c=0.03),
    "ocxo": Crystal(freq_ppm=0.05, white_fm=3e-11, random_walk_fm=1e-12, ppm_per_c=0.0005),
}
"""What is counted; ``ref``: an ordinary crystal, with the pulse of that OCXO on the fourth channel."""
LIMITS_US = (1, 10, 100)
LEARN_S = 4 * 3600
LOST_S = 24 * 3600
SEEDS = (1, 2, 3)


def holdover_figures(
    say: Callable[[str], None],
    learn_s: int = LEARN_S,
    lost_s: int = LOST_S,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Any]:
    """Median seconds over ``seeds`` for each kind and limit; ``lost_s`` where it was not reached."""
    report: dict[str, Any] = {}
    for kind in (*KINDS, "ref"):
        runs = [_seconds_to_limits(kind, learn_s, lost_s, seed) for seed in seeds]
        medians = np.median(runs, axis=0).tolist()
        report[kind] = {f"{limit}_us_s": round(s) for limit, s in zip(LIMITS_US, medians, strict=True)}
        say(
            f"holdover.{kind}: "
            + ", ".join(f"{us} us after {s:.0f} s" for us, s in zip(LIMITS_US, medians, strict=True))
        )
    return report


def _seconds_to_limits(kind: str, learn_s: int, lost_s: int, seed: int) -> list[int]:
    base = load_scenario("gps-outage")
    scenario = dataclasses.replace(
        base,
        tcxo=KINDS.get(kind, KINDS["crystal"]),
        ref=dataclasses.replace(KINDS["ocxo"], jitter_ns=2.0) if kind == "ref" else base.ref,
        pi=load_scenario("day").pi,
        duration_s=learn_s + lost_s,
        fault=(Fault(kind="outage", role="gps_pps", at_s=float(learn_s)),),
    )
    track = run_trial(scenario, {"kalman": make_estimator("kalman")}, seed)["kalman"]
    clock_us = np.abs(np.cumsum(track.between(learn_s, learn_s + lost_s).error_ppm))
    found = [np.flatnonzero(clock_us > limit) for limit in LIMITS_US]
    return [int(beyond[0]) if beyond.size else lost_s for beyond in found]
