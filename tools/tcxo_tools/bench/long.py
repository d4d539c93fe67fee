"""Months of seconds through the filter: does the error stay what it was on the first day?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tcxo_host.edges.second import Board, Second
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.sim.scenario import load_scenario
from tcxo_host.sim.world import World
from tcxo_protocol.spec import Role

__all__ = ["long_figures"]

_DAY_S = 86_400
_RATES = {Role.GPS_PPS.label: 1.0, Role.RTC_PPS.label: 1.0, Role.HOST_PWM.label: 50.0}


def long_figures(days: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Every edge of ``days`` days of ``steady``, straight into the estimator.

    Gives, for the first and the last day, the rms and mean error (ppm) and the normalised error squared,
    the worst day's rms and its ratio to the median day's, and the filter's smallest eigenvalue over the largest
    at the end.
    """
    world, kalman = World(load_scenario("steady"), seed), Kalman()
    kalman.restart(Board("long", 1, float(world.tick_hz), _RATES))
    results = []
    for day in range(days):
        results.append(_day(world, kalman))
        if day % 7 == 6:
            say(f"day {day + 1}: {results[-1]}")
    assert kalman.clocks is not None
    rms_ppm = [result["rms_ppm"] for result in results]
    eigenvalues = np.linalg.eigvalsh(kalman.clocks.filter.cov)
    return {
        "days": days,
        "first_day": results[0],
        "last_day": results[-1],
        "worst_rms_ppm": max(rms_ppm),
        "worst_over_median": max(rms_ppm) / float(np.median(rms_ppm)),
        "eigenvalue_ratio": float(eigenvalues[0] / eigenvalues[-1]),
    }


def _day(world: World, kalman: Kalman) -> dict[str, float]:
    errors, scaled = [], []
    due: list[tuple[int, float, float]] = []
    for _ in range(_DAY_S):
        second = world.step()
        estimate = kalman.update(Second(second.tick_end, second.edges, {}, second.temperature_c))
        if estimate.freq_error_ppm is not None and estimate.sigma_ppm and estimate.usable:
            due.append((second.index, estimate.freq_error_ppm, estimate.sigma_ppm))
        if due and due[0][0] <= second.index - 2:
            index, ppm, sigma = due.pop(0)
            error = ppm - world.pi_ppm_between(index + 1.5, index + 2.5)
            errors.append(error)
            scaled.append((error / sigma) ** 2)
    return {
        "rms_ppm": float(np.sqrt(np.mean(np.square(errors)))),
        "mean_ppm": float(np.mean(errors)),
        "normalised_squared": float(np.mean(scaled)),
        "published": len(errors),
    }
