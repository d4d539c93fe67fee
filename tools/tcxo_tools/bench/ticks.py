"""What the ticks' length costs: an OCXO counted at 10 MHz (TIM2_ETR) or through HSE bypass at 84 MHz."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from tcxo_host.cli.simulate.phase_trial import PhaseTrial
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.sim.scenario import Scenario, load_scenario

from .trial import run_trial

__all__ = ["OFFSETS_PPM", "TICK_HZ", "tick_figures"]

TICK_HZ = (84_000_000, 10_000_000)
OFFSETS_PPM = (0.3, 0.05, 0.005)
"""Of the Pi against the counter: its 50 Hz moves by 3, 0.5 and 0.05 ticks of 100 ns a second."""
SETTLED_S = 600


def tick_figures(
    seed: int, say: Callable[[str], None], seconds: int = 2400, phase_seconds: int = 1800
) -> dict[str, Any]:
    """By tick rate and offset: rms and worst error of the published frequency (ppb), the share of seconds with a new
    value, and the noise of the phase samples (ns) on a 54 MHz counter; None where there was nothing."""
    report: dict[str, Any] = {}
    base = load_scenario("etr-ocxo")
    for tick_hz in TICK_HZ:
        for offset_ppm in OFFSETS_PPM:
            pi = dataclasses.replace(base.pi, freq_ppm=offset_ppm)
            scenario = dataclasses.replace(base, tick_hz=tick_hz, pi=pi, duration_s=seconds)
            figures = _frequency(scenario, seed) | _phase(scenario, seed, phase_seconds)
            report[f"{tick_hz // 1_000_000}_mhz_{offset_ppm:g}_ppm"] = figures
            say(f"ticks.{tick_hz // 1_000_000}_mhz, Pi at {offset_ppm:g} ppm: {figures}")
    return report


def _frequency(scenario: Scenario, seed: int) -> dict[str, float | None]:
    track = run_trial(scenario, {"kalman": make_estimator("kalman")}, seed)["kalman"].after(SETTLED_S)
    if not track.fresh.size:
        return {"rms_ppb": None, "worst_ppb": None, "fresh": 0.0}
    return {
        "rms_ppb": round(track.rms_ppm() * 1e3, 2),
        "worst_ppb": round(track.worst_ppm() * 1e3, 2),
        "fresh": round(float(np.mean(track.fresh)), 3),
    }


def _phase(scenario: Scenario, seed: int, seconds: int) -> dict[str, float | None]:
    trial = PhaseTrial(scenario, seed, counter_hz=54_000_000)
    errors = [s.error_ns for s in trial.seconds(seconds) if s.index >= SETTLED_S and s.error_ns is not None]
    return {"phase_ns": round(float(np.std(errors)), 1) if errors else None, "phase_samples": len(errors)}
