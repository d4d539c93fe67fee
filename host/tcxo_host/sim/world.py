"""The simulated world second by second: edges on the board's pins, and the truth beside them. Pure.

Everything is generated in chunks of ``CHUNK_S`` seconds, so what comes out depends on the scenario and
the seed alone, however it is stepped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tcxo_protocol.spec import Role

from .drives import value_at
from .faults import Event, apply_faults, events_of, touches
from .oscillators import (
    Clock,
    ClockNoise,
    Floats,
    GpsNoise,
    GpsReceiver,
    TickCounter,
    comb_times,
    stream,
)
from .scenario import Crystal, Scenario

__all__ = ["CHUNK_S", "World", "WorldSecond"]

CHUNK_S = 128
_GRID_HZ = 50
_HISTORY_CHUNKS = 9
# Where in a true second the first edge of each channel falls; all but GPS's drift from there.
_GPS_PHASE_S = 0.300
_RTC_PHASE_S = 0.710
_REF_PHASE_S = 0.520
_PWM_PHASE_S = 0.0073

Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WorldSecond:
    """One true second [``index``, ``index`` + 1).

    ``edges``: by role, the TCXO's count (0 at time zero) at every edge that reaches the capture pin;
    ``tick_end``: the count when the second ends. Truths are mean frequency errors against true time over
    the second, ppm, + = fast. ``temperature_c`` is what the board's sensor reads at its end. ``events``
    start in this second and are the caller's to carry out.
    """

    index: int
    edges: dict[str, Ticks]
    tick_end: int
    truth_pi_ppm: float
    truth_tcxo_ppm: float
    truth_rtc_ppm: float
    temperature_c: float
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Chunk:
    """Kept for the truth: clock errors on the grid, s, relative to the chunk's start."""

    start_s: int
    pi_error_s: Floats
    pi_before_s: float
    boundary_ticks: Ticks


class World:
    """A scenario with a seed. ``tick_hz`` is the nominal rate of the counter the edges are counted in."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.tick_hz = scenario.tick_hz
        step = 1.0 / _GRID_HZ
        self._tcxo = self._clock(scenario.tcxo, step)
        self._pi = self._clock(scenario.pi, step)
        self._rtc = self._clock(scenario.rtc, 1.0)
        self._ref = self._clock(scenario.ref, 1.0)
        gps = scenario.gps
        self._gps = GpsReceiver(
            GpsNoise(
                gps.white_ns,
                gps.sawtooth_ns,
                gps.wander_ns,
                gps.wander_time_s,
                [(step.at_s, step.ns) for step in gps.step],
            )
        )
        self._counter = TickCounter(scenario.tick_hz)
        self._gps_fast_s = 0.0
        self._next_chunk = 0
        self._pwm_first_s = _PWM_PHASE_S
        self._pwm_edges = 0
        self._first_s = {Role.RTC_PPS.label: _RTC_PHASE_S, Role.REF_PPS.label: _REF_PHASE_S}
        self._pi_total_s = 0.0
        self._history: deque[_Chunk] = deque(maxlen=_HISTORY_CHUNKS)
        self._ready: deque[WorldSecond] = deque()

    def seconds(self) -> Iterator[WorldSecond]:
        """The seconds from where this world stands, without end."""
        while True:
            yield self.step()

    def step(self) -> WorldSecond:
        """The next second."""
        if not self._ready:
            self._ready.extend(self._generate())
        return self._ready.popleft()

    def pi_ppm_between(self, start_s: float, end_s: float) -> float:
        """The Pi's true mean frequency error (ppm, + = fast) between two true times.

        Reaches about 1000 s into the past, and into the future as far as it takes.
        Raises ValueError for times further back, or an empty interval.
        """
        if end_s <= start_s:
            raise ValueError(f"no time between {start_s} s and {end_s} s")
        return (self.pi_error_s(end_s) - self.pi_error_s(start_s)) / (end_s - start_s) * 1e6

    def time_of_tick(self, tick: int) -> float:
        """The true time (s) at which the TCXO's count reached ``tick``; reaches as ``pi_ppm_between``."""
        while not self._history or tick > self._history[-1].boundary_ticks[-1]:
            self._ready.extend(self._generate())
        for chunk in reversed(self._history):
            if tick >= chunk.boundary_ticks[0]:
                whole = chunk.start_s + np.arange(len(chunk.boundary_ticks))
                return float(np.interp(tick, chunk.boundary_ticks, whole))
        raise ValueError(f"tick {tick} is before the kept history")

    def pi_error_s(self, time_s: float) -> float:
        """What the Pi's crystal shows beyond the true time ``time_s``, s; reaches as ``pi_ppm_between``."""
        while time_s > self._next_chunk * CHUNK_S:
            self._ready.extend(self._generate())
        for chunk in reversed(self._history):
            if time_s >= chunk.start_s:
                position = (time_s - chunk.start_s) * _GRID_HZ
                k = min(int(position), len(chunk.pi_error_s) - 2)
                a, b = chunk.pi_error_s[k : k + 2]
                return chunk.pi_before_s + float(a + (b - a) * (position - k))
        raise ValueError(f"{time_s} s is before the kept history")

    def _clock(self, crystal: Crystal, step_s: float) -> Clock:
        def drive(t_s: Floats) -> Floats:
            ppm = np.full(len(t_s), crystal.freq_ppm)
            for each in crystal.drive:
                ppm += value_at(each, t_s)
            if crystal.ppm_per_c:
                ppm += crystal.ppm_per_c * self._temperature_swing(t_s)
            return ppm * 1e-6

        return Clock(ClockNoise(crystal.white_fm, crystal.random_walk_fm), drive, step_s)

    def _temperature_swing(self, t_s: Floats) -> Floats:
        swing = np.zeros(len(t_s))
        for each in self.scenario.temperature.drive:
            swing += value_at(each, t_s)
        return swing

    def _generate(self) -> list[WorldSecond]:
        """The next chunk."""
        number, start = self._next_chunk, self._next_chunk * CHUNK_S
        self._next_chunk += 1
        steps = CHUNK_S * _GRID_HZ
        tcxo = self._tcxo.advance(stream(self.seed, "tcxo", number), start, steps)
        pi = self._pi.advance(stream(self.seed, "pi", number), start, steps)
        rtc = self._rtc.advance(stream(self.seed, "rtc", number), start, CHUNK_S)
        times = {
            Role.GPS_PPS.label: self._gps_times(number, start),
            Role.RTC_PPS.label: self._pulse_times(Role.RTC_PPS, self.scenario.rtc, number, rtc),
            Role.HOST_PWM.label: self._pwm_times(number, pi),
        }
        if self.scenario.ref.present:
            ref = self._ref.advance(stream(self.seed, "ref", number), start, CHUNK_S)
            times[Role.REF_PPS.label] = self._pulse_times(Role.REF_PPS, self.scenario.ref, number, ref)
        grid = np.arange(steps + 1) / _GRID_HZ
        ticks = {
            role: self._counter.read(role_times, np.interp(role_times, grid, tcxo))
            for role, role_times in times.items()
        }
        boundaries = self._counter.read(grid[::_GRID_HZ], tcxo[::_GRID_HZ])
        self._counter.advance(CHUNK_S, float(tcxo[-1]))
        self._history.append(_Chunk(start, pi, self._pi_total_s, boundaries))
        self._pi_total_s += float(pi[-1])
        edges = self._by_second(number, start, times, ticks, boundaries)
        pi_ppm, tcxo_ppm, rtc_ppm = (
            np.diff(error[::n]) * 1e6 for error, n in ((pi, _GRID_HZ), (tcxo, _GRID_HZ), (rtc, 1))
        )
        temperature_c = self._sensor(number, start)
        return [
            WorldSecond(
                start + k,
                edges[k],
                int(boundaries[k + 1]),
                float(pi_ppm[k]),
                float(tcxo_ppm[k]),
                float(rtc_ppm[k]),
                float(temperature_c[k]),
                events_of(self.scenario.fault, start + k),
            )
            for k in range(CHUNK_S)
        ]

    def _gps_times(self, number: int, start: int) -> Floats:
        error_s = self._gps.advance(stream(self.seed, "gps", number), start, CHUNK_S)
        if self.scenario.gps.drive:
            error_s -= self._gps_slide(start)
        return np.arange(CHUNK_S) + _GPS_PHASE_S + error_s if self.scenario.gps.present else np.empty(0)

    def _gps_slide(self, start: int) -> Floats:
        """How much time (s) a receiver that runs freely has gained at each pulse of the chunk."""
        at_s = start + np.arange(CHUNK_S, dtype=np.float64)
        ppm = np.sum([value_at(drive, at_s) for drive in self.scenario.gps.drive], axis=0)
        gained_s = self._gps_fast_s + np.cumsum(ppm) * 1e-6
        self._gps_fast_s = float(gained_s[-1])
        return gained_s

    def _pulse_times(self, role: Role, crystal: Crystal, number: int, error_s: Floats) -> Floats:
        """Of a clock that pulses once a second of its own."""
        _, times = comb_times(error_s, 1.0, 1.0, self._first_s[role.label])
        self._first_s[role.label] += len(times) - CHUNK_S - float(error_s[-1])
        name = role.label.removesuffix("_pps")
        jitter = stream(self.seed, f"{name} jitter", number).standard_normal(len(times))
        times = times + jitter * (crystal.jitter_ns * 1e-9)
        return times if crystal.present else np.empty(0)

    def _pwm_times(self, number: int, error_s: Floats) -> Floats:
        pwm, step = self.scenario.pwm, 1.0 / _GRID_HZ
        period_s = 1.0 / pwm.rate_hz
        readings, times = comb_times(error_s, step, period_s, self._pwm_first_s)
        jitter = stream(self.seed, "pwm jitter", number).standard_normal(len(times))
        shift_s = jitter * (self.scenario.pi.jitter_ns * 1e-9)
        if pwm.grid_hz:
            count = self._pwm_edges + np.arange(len(times))
            shift_s = shift_s - (count * pwm.grid_step) % 1.0 / pwm.grid_hz
        self._pwm_edges += len(times)
        self._pwm_first_s = self._pwm_first_s + len(readings) * period_s - (CHUNK_S + float(error_s[-1]))
        return times + shift_s if self.scenario.pi.present else np.empty(0)

    def _sensor(self, number: int, start: int) -> Floats:
        temperature = self.scenario.temperature
        noise = stream(self.seed, "temperature", number).standard_normal(CHUNK_S)
        at_end = start + 1.0 + np.arange(CHUNK_S, dtype=np.float64)
        celsius = temperature.mean_c + self._temperature_swing(at_end) + noise * temperature.noise_c
        return np.round(celsius, 2)

    def _by_second(
        self, number: int, start: int, times: dict[str, Floats], ticks: dict[str, Ticks], boundaries: Ticks
    ) -> list[dict[str, Ticks]]:
        edges: list[dict[str, Ticks]] = [{} for _ in range(CHUNK_S)]
        for role, role_ticks in ticks.items():
            # Jitter may carry an edge over the chunk's border by nanoseconds: it belongs inside.
            inside = np.clip(role_ticks, boundaries[0], boundaries[-1] - 1)
            cuts = np.searchsorted(inside, boundaries)
            rng = stream(self.seed, "faults " + role, number)
            for k in range(CHUNK_S):
                part = slice(cuts[k], cuts[k + 1])
                faults = [fault for fault in self.scenario.fault if touches(fault, role, start + k)]
                edges[k][role] = inside[part]
                if faults:
                    true_times = start + times[role][part]
                    edges[k][role] = apply_faults(faults, true_times, inside[part], self.tick_hz, rng)
        return edges
