"""A scenario through the pipeline and the shipped phase code, against the truth, faster than real time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from tcxo_protocol.spec import Role

from ...daemon.pipeline import Pipeline, Row
from ...estimate.interface import Estimator, State
from ...estimate.registry import make_estimator
from ...publish.clock_pair import read_pair
from ...publish.phase.ambiguity import Witnesses, wrapped
from ...publish.phase.meter import EdgeMeter
from ...publish.phase.pin import EdgeFinder
from ...publish.phase.sample import Limits, PhasePolicy, Verdict
from ...publish.phase.second import PhaseSecond, PhaseWork
from ...publish.phase.tracker import EdgeTracker
from ...publish.policy import PublishPolicy
from ...sim.frames import FrameSource
from ...sim.pi_clocks import Latency, SimulatedPi
from ...sim.scenario import Scenario
from ...sim.world import World, WorldSecond

__all__ = ["PhaseTrial", "TrialSecond", "Upset"]

RECORD_S = 0.004
"""A second's last record is read so long after the second ended."""
BOUND_NS = 1e6
"""What the simulated kernel says of its clock while that is right to half a millisecond."""
STEER_S = 8.0
FASTEST_PPM = 80_000.0


@dataclass(frozen=True, slots=True)
class Upset:
    """``pwm``: its edges come ``ns`` later; ``clock``: REALTIME is stepped by ``ns``, ``in_reads``: while it is read;
    ``stuck``: the pin reads ``ns`` (0 or 1) for ever, anything else ends that. A ``pwm`` may come at any ``at_s``, the
    others at whole seconds: nothing is read of them in between."""

    kind: str
    at_s: float
    ns: float
    in_reads: bool = False


@dataclass(frozen=True, slots=True)
class TrialSecond:
    """``error_ns``: the sample's offset minus the true one; None without a sample. ``edge_error_ns``: where the
    tracker has the PWM's edges minus where they are."""

    index: int
    state: State
    second: PhaseSecond | None
    error_ns: float | None
    edge_error_ns: float | None

    @property
    def verdict(self) -> Verdict | None:
        """The phase's verdict; None when no second closed."""
        return self.second.verdict if self.second else None


class PhaseTrial:
    """One run; ``seconds`` yields what each second gave."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        counter_hz: int = 19_200_000,
        latency: Latency | None = None,
        limits: Limits | None = None,
        upsets: Sequence[Upset] = (),
        estimator: Estimator | None = None,
        bound_ns: float | None = BOUND_NS,
    ) -> None:
        self.world = World(scenario, seed)
        self.pi = SimulatedPi(self.world, seed, counter_hz, latency)
        self._source = FrameSource(scenario.tick_hz, has_ref=scenario.ref.present)
        self._pipeline = Pipeline(estimator or make_estimator("kalman", phase=True), PublishPolicy())
        self._upsets = upsets
        self._bound_ns = bound_ns
        self._shifts: list[tuple[int, int]] = []
        """From which tick of the board on the PWM's edges come how many ticks later."""
        raw = self.pi.raw_clock
        period = raw.period_ns(Fraction(scenario.pwm.rate_hz))
        self.tracker = EdgeTracker(period, float(raw.tick_ns))
        finder = EdgeFinder(self.pi, float(period), self.pi.raw, self.pi.sleep)
        self.policy = PhasePolicy(limits)
        self._work = PhaseWork(
            EdgeMeter(finder, self.tracker), self.policy, lambda: read_pair(self.pi.clock), self.pi.raw
        )

    def seconds(self, count: int) -> Iterator[TrialSecond]:
        """The next ``count`` seconds."""
        for _ in range(count):
            yield self._second(self.world.step())

    def _second(self, second: WorldSecond) -> TrialSecond:
        during_reads = self._carry_out(second)
        second = replace(second, edges=self._moved(second.edges))
        self.pi.wait_until(second.index + 1 + RECORD_S)
        host_ns = self.pi.raw()
        row = None
        for payload in self._source.payloads(second):
            for event in self._pipeline.feed(host_ns, payload):
                row = event if isinstance(event, Row) else row
        if row is None:
            return TrialSecond(second.index, State.HOLD, None, None, None)
        if during_reads:
            self.pi.step_during_reads(during_reads, 1e6)
        system_ns = abs(self.pi.true_offset_ns(self.pi.clock(time.CLOCK_REALTIME)))
        bound_ns = self._bound_ns if system_ns < 0.5 * BOUND_NS else None
        witnesses = Witnesses(system_bound_ns=bound_ns, arrival_tick=row.tick, arrival_ns=row.host_ns)
        done = self._work.second(row.estimate, witnesses)
        sample = done.verdict.sample
        error_ns = None
        if sample is not None:
            error_ns = wrapped(sample.offset_ns - self.pi.true_offset_ns(sample.real_ns))
        self._steer(row, sample.offset_ns if sample else 0.0)
        return TrialSecond(second.index, row.state, done, error_ns, self._edge_error_ns(done))

    def _steer(self, row: Row, offset_ns: float) -> None:
        """What a plain chronyd does: the known frequency taken out, the offset within some seconds."""
        ppm = offset_ns * 1e-3 / STEER_S - (row.estimate.freq_error_ppm or 0.0)
        self.pi.slew_system_clock(min(max(ppm, -FASTEST_PPM), FASTEST_PPM))

    def _carry_out(self, second: WorldSecond) -> float:
        """Do what is due; return the step that is to come in the middle of reading the clocks."""
        during_reads = 0.0
        for upset in self._upsets:
            if int(upset.at_s) != second.index:
                continue
            if upset.kind == "pwm":
                ticks = round(upset.ns * 1e-9 * self.world.tick_hz)
                into_s = upset.at_s - second.index
                self._shifts.append((second.tick_end - round((1.0 - into_s) * self.world.tick_hz), ticks))
                self.pi.rewrite_pwm(ticks * 1e9 / self.world.tick_hz)
            elif upset.kind == "clock" and upset.in_reads:
                during_reads = upset.ns
            elif upset.kind == "clock":
                self.pi.step_system_clock(upset.ns)
            elif upset.kind == "stuck":
                self.pi.stuck = int(upset.ns) if upset.ns in (0, 1) else None
        return during_reads

    def _moved(self, edges: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The board's edges of a PWM that was rewritten."""
        pwm = edges.get(Role.HOST_PWM.label)
        if pwm is None or not self._shifts:
            return dict(edges)
        late = sum(np.where(pwm >= since, ticks, 0) for since, ticks in self._shifts)
        return {**edges, Role.HOST_PWM.label: pwm + late}

    def _edge_error_ns(self, done: PhaseSecond) -> float | None:
        if done.edges is None or done.pair is None:
            return None
        _, after_ns = done.edges.edge_before(done.pair.raw_ns)
        return self.pi.edge_error_ns(done.pair.raw_ns, after_ns)
