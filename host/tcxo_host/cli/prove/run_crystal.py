"""``tcxo-host prove --crystal``: sample board and chrony for a while, judge, and keep the verdict for ``doctor``."""

from __future__ import annotations

import argparse
import contextlib
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
from ...errors import DataError, UnavailableError
from ...files import read_file
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
SAMPLES_KIND = "tcxo-host crystal samples"
SAMPLES_NAME = "crystal-samples.json"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
KEEP_EVERY_S = 300.0
MOST_KEPT = 4000
"""Eleven hours; more would be no state file any more."""
RESUME_S = 1800.0
"""A longer pause would be taken for a drift."""
GIVE_UP_S = 120.0
"""So long without one sample, and there will be none."""


def run_crystal(args: argparse.Namespace, seconds: float) -> int:
    """Until ``seconds`` are over or Ctrl-C; 0 right, 1 nothing can be said yet, 2 wrong."""
    config = settings(args.config)
    active = applies_file(Root(), config)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    kept_samples = _KeptSamples(config, active)
    samples = kept_samples.load() if args.resume else []
    load = _Load(seconds if args.warm else None)
    line = ProgressLine()
    try:
        _collect(config, active, seconds, samples, load, line, kept_samples)
        kept_samples.end()
    except KeyboardInterrupt:
        kept_samples.save(samples)
        line.say("ended early: what follows is from a part of the time; --resume goes on")
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


class _KeptSamples:
    """The samples of a run that may be interrupted, beside the daemon's state; they count for this boot only."""

    def __init__(self, config: Config, active: bool) -> None:
        path = Path(config.state.path).with_name(SAMPLES_NAME) if config.state.path else None
        self._file = StateFile(path, SAMPLES_KIND) if path else None
        self._of = {"boot": read_file(BOOT_ID).decode().strip(), "active": active}
        self._saved_s = time.monotonic()

    def load(self) -> list[Sample]:
        """Those of the last run. Raises DataError where it cannot be gone on with."""
        content, problem = self._file.load() if self._file else (None, "")
        try:
            if content is None:
                raise ValueError(problem or "none was interrupted, or no state file is configured")
            if any(content.get(name) != value for name, value in self._of.items()):
                raise ValueError("this computer was started since, or chrony's tempcomp line changed")
            samples = [
                Sample(
                    float(at_s), float(board), float(chrony), _number(skew), _number(interval), str(board_id)
                )
                for at_s, board, chrony, skew, interval, board_id in content["samples"]
            ]
            if not samples or not 0 <= time.monotonic() - samples[-1].time_s <= RESUME_S:
                raise ValueError(f"it ended over {RESUME_S / 60:.0f} min ago")
        except (ValueError, TypeError, LookupError) as error:
            raise DataError(f"no run to go on with: {error}: leave --resume out") from None
        return samples

    def save(self, samples: list[Sample]) -> None:
        """Keep them; where that cannot be, there is nothing to go on with, and no more."""
        self._saved_s = time.monotonic()
        if self._file and samples:
            self._file.save(
                {**self._of, "samples": [dataclasses.astuple(each) for each in samples[-MOST_KEPT:]]}
            )

    def tick(self, samples: list[Sample]) -> None:
        """Keep them now and then."""
        if time.monotonic() - self._saved_s >= KEEP_EVERY_S:
            self.save(samples)

    def end(self) -> None:
        """The run is whole."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.path.unlink()


def _collect(
    config: Config,
    active: bool,
    seconds: float,
    samples: list[Sample],
    load: _Load,
    line: ProgressLine,
    kept_samples: _KeptSamples,
) -> None:
    """Go on from ``samples`` until ``seconds`` were measured."""
    heard = time.monotonic()
    start = heard - (samples[-1].time_s - samples[0].time_s if samples else 0.0)
    while (now := time.monotonic()) < start + seconds:
        if applies_file(Root(), config) != active:
            line.say("chrony's tempcomp line changed: what follows is from before")
            return
        load.tick(now - start)
        try:
            found = sample(config, active)
        except UnavailableError as error:
            if not samples:
                raise
            found = str(error)  # a restart within a night is a pause
        if isinstance(found, Sample):
            if samples and samples[-1].board_id != found.board_id:
                line.say("another board: it begins anew")
                samples.clear()
            samples.append(found)
            kept_samples.tick(samples)
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


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
