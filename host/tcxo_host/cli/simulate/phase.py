"""``tcxo-host simulate --phase``: the shipped phase code on a simulated Pi, each sample against the truth."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...sim.scenario import Scenario
from .phase_trial import PhaseTrial, TrialSecond

__all__ = ["run_phase"]

_COLUMNS = ("second", "state", "refusal", "offset_ns", "error_ns", "half_width_ns", "sigma_ns")
_SIGMAS = 4.0


def run_phase(scenario: Scenario, seconds: int, seed: int, rows_path: str | None) -> dict[str, Any]:
    """The summary of a run; every second goes to ``rows_path`` (CSV) where given. Errors in ns.

    ``wrong``: samples further off than their half-width and four sigmas. Raises OutputError.
    """
    done = list(PhaseTrial(scenario, seed).seconds(seconds))
    if rows_path:
        try:
            with Path(rows_path).open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                writer.writerows(_row(each) for each in done)
        except OSError as error:
            raise OutputError(f"{rows_path}: cannot write there: {error.strerror}") from None
    samples = [
        (each.error_ns, each.verdict.sample)
        for each in done
        if each.error_ns is not None and each.verdict and each.verdict.sample
    ]
    errors = np.array([error for error, _ in samples])
    refusals = Counter(str(each.verdict.refusal) for each in done if each.verdict and each.verdict.refusal)
    return {
        "scenario": scenario.name,
        "seconds": seconds,
        "samples": len(samples),
        "refusals": dict(refusals),
        "wrong": sum(abs(e) > s.half_width_ns + _SIGMAS * s.sigma_ns for e, s in samples),
        "noise_ns": round(float(errors.std()), 2) if samples else None,
        "constant_ns": round(float(errors.mean()), 2) if samples else None,
        "worst_ns": round(float(np.abs(errors).max()), 2) if samples else None,
        "half_width_ns": round(samples[-1][1].half_width_ns, 1) if samples else None,
    }


def _row(each: TrialSecond) -> tuple[Any, ...]:
    verdict = each.verdict
    if verdict is None:
        return each.index, str(each.state), "no-record", "", "", "", ""
    if verdict.sample is None or each.error_ns is None:
        return each.index, str(each.state), str(verdict.refusal), "", "", "", ""
    sample = verdict.sample
    figures = (sample.offset_ns, each.error_ns, sample.half_width_ns, sample.sigma_ns)
    return each.index, str(each.state), "", *(round(value, 2) for value in figures)
