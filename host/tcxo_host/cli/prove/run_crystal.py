"""``tcxo-host prove --crystal``: sample board and chrony for a while, judge, and keep the verdict for ``doctor``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from ...config.settings import Config
from ...daemon.state_file import StateFile
from ...errors import UnavailableError
from ...pi.proof import FILE_NAME, KIND, CrystalProof
from ...pi.root import Root
from .crystal import Judgement, Knows, Verdict, judge
from .machine import Sample, applies_file, sample, settings
from .progress_line import ProgressLine
from .warm import Warmer, too_hot
from .words import EXIT_STATUS, remedy, sentence

__all__ = ["run_crystal"]

EVERY_S = 10.0
WARM_AFTER = 1 / 6
"""Of the time: first the crystal at rest, then warm, then on its way back."""
WARM_S = 600.0
GIVE_UP_S = 120.0
"""So long without one sample, and there will be none."""


def run_crystal(args: argparse.Namespace, seconds: float) -> int:
    """Until ``seconds`` are over or Ctrl-C; 0 right, 1 nothing can be said yet, 2 wrong."""
    config = settings(args.config)
    active = applies_file(Root(), config)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    samples: list[Sample] = []
    load = _Load(seconds if args.warm else None)
    line = ProgressLine()
    try:
        _collect(config, active, seconds, samples, load, line)
    except KeyboardInterrupt:
        line.say("ended early: what follows is from a part of the time")
    finally:
        load.stop()
        line.close()
    found = _judge(samples, active)
    kept = _keep(config, found, samples)
    print(json.dumps(_values(found, active, kept)) if args.json else _text(found, active, kept))
    return EXIT_STATUS.get(found.verdict, 2)


class _Load:
    """The load of ``--warm``, begun and ended in time; none where ``seconds`` is None."""

    def __init__(self, seconds: float | None) -> None:
        self._begin_s = None if seconds is None else seconds * WARM_AFTER
        self._warm_s = 0.0 if seconds is None else min(WARM_S, seconds / 3)
        self._warmer: Warmer | None = None
        self.note = ""

    def tick(self, elapsed_s: float) -> None:
        """To be called every few seconds."""
        running = self._warmer is not None and self._warmer.is_running
        if self._warmer is None and self._begin_s is not None and elapsed_s >= self._begin_s:
            self._begin_s = None
            self.note = too_hot()
            if not self.note:
                self._warmer, running = Warmer(self._warm_s), True
        elif running and (reason := too_hot()):
            self.stop()
            self.note, running = reason, False
        self.note = "warming" if running else "" if self.note == "warming" else self.note

    def stop(self) -> None:
        if self._warmer is not None:
            self._warmer.stop()


def _collect(
    config: Config, active: bool, seconds: float, samples: list[Sample], load: _Load, line: ProgressLine
) -> None:
    start = heard = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        load.tick(now - start)
        try:
            found = sample(config, active)
        except UnavailableError as error:
            if not samples:
                raise
            found = str(error)  # a restart within a night is a pause
        if isinstance(found, Sample):
            samples.append(found)
            heard = now
            board = [each.board_ppm for each in samples]
            about = (
                f"board {found.board_ppm:+.4f}, chrony {found.chrony_ppm:+.4f} ppm, moved {np.ptp(board):.3f}"
            )
        else:
            about = found
            if not samples and now - heard > GIVE_UP_S:
                raise UnavailableError(f"for {GIVE_UP_S:.0f} s there was nothing to compare: {found}")
        line.show(now - start, seconds, f"{about}{f' ({load.note})' if load.note else ''}")
        time.sleep(max(0.0, min(now + EVERY_S, start + seconds) - time.monotonic()))


def _judge(samples: list[Sample], active: bool) -> Judgement:
    time_s, board_ppm, chrony_ppm = (
        np.array([getattr(each, name) for each in samples], float)
        for name in ("time_s", "board_ppm", "chrony_ppm")
    )
    known = [(a.skew_ppm, a.update_interval_s) for a in samples if a.skew_ppm is not None]
    knows = None
    if known and len(known) == len(samples):
        knows = Knows(
            *(statistics.median(each or 0.0 for each in column) for column in zip(*known, strict=True))
        )
    return judge(time_s, board_ppm, chrony_ppm, active, knows)


def _keep(config: Config, found: Judgement, samples: list[Sample]) -> str:
    """Where it was kept for ``doctor``, or why not; what says nothing does not replace what said something."""
    if not config.state.path or not samples:
        return "not kept for doctor: no state file is configured" if samples else ""
    file = StateFile(Path(config.state.path).with_name(FILE_NAME), KIND)
    if found.verdict is Verdict.TOO_LITTLE and file.path.exists():
        return f"an earlier verdict stays in {file.path}"
    proof = CrystalProof(
        str(found.verdict), sentence(found), remedy(found), samples[-1].board_id, os.uname().release
    )
    problem = file.save(proof.values())
    return (
        f"not kept for doctor: {problem}: run it with sudo" if problem else f"kept for doctor in {file.path}"
    )


def _values(found: Judgement, active: bool, kept: str) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict),
        "text": sentence(found),
        "remedy": remedy(found),
        "tempcomp": active,
        "kept": kept,
        **{key: value for key, value in dataclasses.asdict(found).items() if key != "verdict"},
    }


def _text(found: Judgement, active: bool, kept: str) -> str:
    rows = [("time", f"{found.seconds / 60:.0f} min, {found.samples} half minutes")]
    if found.moved_ppm is not None:
        rows.append(("crystal", f"moved by {found.moved_ppm:.3f} ppm"))
    if found.slope is not None:
        low, high, correlation = found.slope_low, found.slope_high, found.correlation
        rows += [
            ("chrony", f"corrects {found.slope:+.3f} ppm for each ppm the board sees (-1 is right)"),
            ("", f"95 % interval {low:+.3f} to {high:+.3f}, correlation {correlation:+.3f}"),
            ("difference", f"{found.apart_ppm:+.4f} ppm on average, {found.residual_ppm:.4f} ppm scatter"),
        ]
    if found.lag_s is not None:
        rows.append(("lag", f"chrony follows in about {found.lag_s:.0f} s"))
    rows.append(("tempcomp", "in use" if active else "not in use"))
    rows.append(("verdict", sentence(found)))
    rows += [(name, text) for name, text in (("do", remedy(found)), ("", kept)) if text]
    return "\n".join(f"{name:11}{text}" for name, text in rows)
