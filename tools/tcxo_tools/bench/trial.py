"""A scenario through the daemon's own pipeline, faster than real time, against the truth. Pure.

The value chrony has at any time is the last one written, and it counts for the second that starts half a
second (chrony's mean reading delay) after the writing: that is what errors are taken of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.interface import Estimator, State
from tcxo_host.publish.policy import PublishPolicy
from tcxo_host.sim.frames import FrameSource
from tcxo_host.sim.scenario import Learned, Scenario
from tcxo_host.sim.world import World

__all__ = ["READ_DELAY_S", "Track", "run_trial"]

READ_DELAY_S = 0.5
MEAN_S = 10
TROUBLE_ENDS_S = 60
_DUE_AFTER_S = 2
_SECOND_NS = 1_000_000_000

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Log:
    seconds: list[int] = field(default_factory=list)
    file_ppm: list[float] = field(default_factory=list)
    error_ppm: list[float] = field(default_factory=list)
    sigma_ppm: list[float] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)
    states: list[State] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Track:
    """One estimator's run; one entry for each second with a value in the file, in order.

    ``error_ppm``: what the clock's frequency is off (ppm, + = fast) while chrony applies the value;
    ``sigma_ppm``: what the estimator thought of it (nan: nothing); ``fresh``: it was written this second.
    """

    seconds: npt.NDArray[np.int64]
    file_ppm: Floats
    error_ppm: Floats
    sigma_ppm: Floats
    fresh: npt.NDArray[np.bool_]
    states: list[State]

    def after(self, second: int) -> Track:
        """The part from ``second`` on."""
        return self.between(second, 1 << 62)

    def between(self, start: int, end: int) -> Track:
        """The part in [``start``, ``end``)."""
        return self._kept((self.seconds >= start) & (self.seconds < end))

    def _kept(self, keep: npt.NDArray[np.bool_]) -> Track:
        return Track(
            self.seconds[keep],
            self.file_ppm[keep],
            self.error_ppm[keep],
            self.sigma_ppm[keep],
            self.fresh[keep],
            [state for state, kept in zip(self.states, keep, strict=True) if kept],
        )

    def rms_ppm(self) -> float:
        """Root mean square error; nan when there was never a value."""
        return float(np.sqrt(np.mean(self.error_ppm**2))) if self.error_ppm.size else float("nan")

    def worst_ppm(self) -> float:
        """Largest absolute error; nan when there was never a value."""
        return float(np.abs(self.error_ppm).max()) if self.error_ppm.size else float("nan")

    def tracking(self) -> Track:
        """The freshly written values of state ``track``: those that claim to be good."""
        claimed = np.array([state == State.TRACK for state in self.states], dtype=bool)
        return self._kept(self.fresh & claimed)

    def lasting_s(self, limit_ppm: float = 0.003) -> int:
        """The longest time (s) from a 10 s mean error beyond ``limit_ppm`` to the last one of the same trouble."""
        if self.error_ppm.size < MEAN_S:
            return 0
        means = np.convolve(self.error_ppm, np.ones(MEAN_S) / MEAN_S, "valid")
        beyond = np.flatnonzero(np.abs(means) > limit_ppm)
        if not beyond.size:
            return 0
        spells = np.split(beyond, np.flatnonzero(np.diff(beyond) > TROUBLE_ENDS_S) + 1)
        return max(int(spell[-1] - spell[0]) + 1 for spell in spells)

    def normalised(self) -> Floats:
        """Errors of the freshly written values in units of their own sigma."""
        return self.error_ppm[self.fresh] / self.sigma_ppm[self.fresh]


def run_trial(
    scenario: Scenario, estimators: Mapping[str, Estimator], seed: int = 1, seconds: int | None = None
) -> dict[str, Track]:
    """Feed the same frames to a pipeline for each estimator; ``seconds`` defaults to the scenario's own."""
    for estimator in estimators.values():
        _recall(estimator, scenario.learned)
    world, source = World(scenario, seed), FrameSource(scenario.tick_hz, has_ref=scenario.ref.present)
    pipelines = {name: Pipeline(estimator, PublishPolicy()) for name, estimator in estimators.items()}
    logs = {name: _Log() for name in estimators}
    count = scenario.duration_s if seconds is None else seconds
    truth: list[float] = []
    for index in range(count):
        payloads = source.payloads(world.step())
        for name, pipeline in pipelines.items():
            _log(logs[name], index, _last_row(pipeline, payloads, index))
        if index >= _DUE_AFTER_S:
            written = index - _DUE_AFTER_S + 1 + READ_DELAY_S
            truth.append(world.pi_ppm_between(written, written + 1.0))
    return {name: _track(log, np.array(truth)) for name, log in logs.items()}


def _recall(estimator: Estimator, learned: Learned) -> None:
    """Give the estimator the noise levels that an earlier run left, if the scenario has any."""
    levels = {name: value for name, value in dataclasses.asdict(learned).items() if value}
    state = estimator.export_state()
    if levels and "noise" in state:
        estimator.import_state({**state, "noise": {**state["noise"], **levels}})


def _last_row(pipeline: Pipeline, payloads: list[bytes], index: int) -> Row | None:
    row = None
    for payload in payloads:
        for event in pipeline.feed((index + 1) * _SECOND_NS, payload):
            row = event if isinstance(event, Row) else row
    return row


def _log(log: _Log, index: int, row: Row | None) -> None:
    fresh = row is not None and row.published_ppm is not None
    if not fresh and not log.seconds:
        return
    value = row.published_ppm if row is not None and row.published_ppm is not None else log.file_ppm[-1]
    sigma = row.estimate.sigma_ppm if row is not None else None
    log.seconds.append(index)
    log.file_ppm.append(value)
    log.sigma_ppm.append(float("nan") if sigma is None else sigma)
    log.fresh.append(fresh)
    log.states.append(State.HOLD if row is None else row.state)


def _track(log: _Log, truth: Floats) -> Track:
    count = sum(second < truth.size for second in log.seconds)
    seconds = np.array(log.seconds[:count], dtype=np.int64)
    file_ppm = np.array(log.file_ppm[:count])
    return Track(
        seconds,
        file_ppm,
        truth[seconds] + file_ppm if count else np.empty(0),
        np.array(log.sigma_ppm[:count]),
        np.array(log.fresh[:count], dtype=bool),
        log.states[:count],
    )
