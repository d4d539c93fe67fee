"""What the daemon keeps across restarts: the estimator's state and the baseline, loaded and saved."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from ..config.settings import Config
from ..errors import ProblemLog
from ..estimate.interface import Estimator
from ..publish.baseline import Baseline
from ..publish.start_check import Remembered
from .state_file import StateFile, baseline_file, load_baseline, save_baseline

__all__ = ["KeptState"]

log = logging.getLogger("tcxo_host")

SAVE_EVERY_S = 600.0
BASELINE_EVERY_S = 60.0
"""One that moves, as GPS comes and goes, is not worth a write to the card each time."""


class KeptState:
    """Loads at once; ``tick`` once a second, ``close`` at the end. A problem is logged once, never fatal."""

    def __init__(self, config: Config, estimator: Estimator) -> None:
        self._estimator = estimator
        path = config.state.path
        self._state = StateFile(path, f"tcxo-host {estimator.name}") if path else None
        self._baseline_file = baseline_file(path) if path else None
        self._next_save_s: float | None = None
        self._next_baseline_s = 0.0
        self._problems = ProblemLog()
        stored, problem = load_baseline(self._baseline_file) if self._baseline_file else (None, "")
        _warn(problem)
        self.baseline = Baseline(config.output.baseline_ppm(), stored, os.uname().release)
        self._known_baseline = stored
        self.remembered = Remembered()
        """What the earlier run knew of the clocks."""
        if self._state:
            self._load(self._state)

    def tick(self, now_s: float, learned: bool = True) -> None:
        """Save when it is time; a new baseline at once, a moved one within a minute. ``now_s`` is any steady clock.

        ``learned`` false: what the estimator learned is doubted, and an earlier run's knowledge stays.
        """
        if self._next_save_s is None:
            self._next_save_s = now_s + SAVE_EVERY_S
        if self._known_baseline is None or now_s >= self._next_baseline_s:
            self._next_baseline_s = now_s + BASELINE_EVERY_S
            self._save_baseline()
        if now_s >= self._next_save_s:
            self._next_save_s = now_s + SAVE_EVERY_S
            if learned:
                self._save()

    def close(self, learned: bool = True) -> None:
        """Save once more; ``learned`` as in ``tick``."""
        self._save_baseline()
        if learned:
            self._save()

    def _save_baseline(self) -> None:
        stored = self.baseline.stored
        if self._baseline_file and stored is not None and stored != self._known_baseline:
            problem = save_baseline(self._baseline_file, stored)
            self._problems.note("baseline", problem)
            if not problem:
                self._known_baseline = stored
                log.info("baseline %+g ppm", stored.ppm)

    def _load(self, file: StateFile) -> None:
        content, problem = file.load()
        _warn(problem)
        if content is None:
            return
        try:
            self._estimator.import_state(content)
            self.remembered = Remembered.of_state(content)
        except ValueError as error:
            _warn(file.set_aside(str(error)))

    def _save(self) -> None:
        content: Mapping[str, Any] = self._estimator.export_state()
        if self._state and content:
            self._problems.note("state", self._state.save(content))


def _warn(problem: str) -> None:
    if problem:
        log.warning("%s", problem)
