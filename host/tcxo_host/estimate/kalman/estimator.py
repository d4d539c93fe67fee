"""``kalman``: all clocks in one filter, from every edge. Pure.

How it works, in words. The counter (the TCXO) is the ruler. Against it the filter follows three clocks at
once: GPS time, the Pi's clock, the RTC. GPS pulses are noisy (15 ns) but right for ever, and the TCXO is
so steady that their noise can be averaged over minutes. The Pi's crystal wanders within seconds, but its
fifty edges a second are seen sharply; its average must be short. A plain average has one time constant
for both and is half its length late. The filter weighs every edge by what the clocks' noise makes it
worth, which gives each clock its own time constant, and predicts: the value written is the mean
frequency over the second in which chrony will apply it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...edges.second import Board, Second
from ..interface import Estimate, State
from ..plausible import number, part, text
from .channels import Channels
from .counter_watch import CounterWatch
from .filter.clock_model import GPS_U, GPS_V, PI_D, PI_U, PI_V, RTC_U, RTC_V, Levels
from .filter.clocks import Clocks
from .holdover import Holdover
from .learn.feed import Learning
from .learn.noise import Bounds
from .learn.temperature import COLDEST_C, HOTTEST_C, TemperatureModel
from .phase import PhaseReader
from .prediction import pi_error
from .reasons import unsure, without_gps

__all__ = ["Kalman", "KalmanSettings"]

CONFIRM_S = 5.0
"""A rate of GPS that was found anew is believed without further waiting only after so long."""


@dataclass(frozen=True, slots=True)
class KalmanSettings:
    """What may be told; the noise levels are where adaptation starts."""

    start_limit_ppm: float = 0.01
    """Sigma below which publishing starts."""
    holdover_limit_ppm: float = 0.05
    """Sigma above which it stops."""
    gps_timeout_s: float = 5.0
    pwm_timeout_s: float = 3.0
    first_tcxo_ppm: float = 30.0
    """How far the board's oscillator may be off, one sigma, when nothing is known of it."""
    first_host_ppm: float = 100.0
    gps_ns: float = 20.0
    rtc_ns: float = 10.0
    blind_walk_ppb: float = 20.0
    """What the TCXO may wander per root hour in holdover without a temperature sensor."""
    adapt: bool = True
    phase: bool = False
    """Whether estimates tell GPS time against the Pi's, too, which costs a little."""
    levels: Levels = field(default_factory=Levels)
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(slots=True)
class _Memory:
    """What is known of the rates (ppb against the counter) across restarts: mean and variance."""

    board_id: str = ""
    tick_hz: float = 0.0
    rates: dict[int, tuple[float, float]] = field(default_factory=dict)
    celsius: float | None = None


_KEPT = {GPS_V: "gps_rate", PI_V: "pi_rate", RTC_V: "rtc_rate"}
_AFTER_RESTART_PPB = {GPS_V: 20.0, PI_V: 100.0, RTC_V: 100.0}
"""How far each rate may have moved, one sigma, while nobody looked."""
_LARGEST_PPB = 1e6
"""Rates and their sigmas: no clock is off by 1000 ppm."""
_FASTEST_HZ = float(1 << 32)
"""What a board can tell of its counter's rate; 0: none was known yet."""
AGEING_PPB_PER_DAY = 3.0
"""A TCXO's 1 ppm a year; a stored state grows old by this."""


class Kalman:
    """The estimator ``kalman``."""

    name = "kalman"

    def __init__(self, settings: KalmanSettings | None = None) -> None:
        self.settings = settings or KalmanSettings()
        self.temperature = TemperatureModel()
        self.learning = Learning(self.settings.levels, self.settings.bounds, self.settings.gps_ns)
        self.clocks: Clocks | None = None
        self._phase = PhaseReader() if self.settings.phase else None
        self._board: Board | None = None
        self._memory = _Memory()
        self._rejected_before: dict[str, int] = {}
        self._qualified = False
        self._tracked = False
        self._watch = CounterWatch()
        self._last_tick = 0

    def restart(self, board: Board) -> None:
        """Ticks start anew. Rates are kept, less certain, when it is the same board."""
        self._rejected_before = self._rejected()
        self._remember()
        if (self._memory.board_id, self._memory.tick_hz) != (board.board_id, board.tick_hz):
            self._memory = _Memory(board.board_id, board.tick_hz)
            self.temperature = TemperatureModel()
        self._board = board
        self.clocks = None
        self._qualified = False

    def update(self, second: Second) -> Estimate:
        """Take a second; cost about 0.1 ms."""
        if self._board is None:
            return Estimate(State.ACQUIRE, "no board yet")
        if self.clocks is None or second.tick_now - self._last_tick > 3600 * self._board.tick_hz:
            self._remember()
            self._begin(self._board, second)
        clocks = self.clocks
        assert clocks is not None
        span_s = max(0.0, (second.tick_now - self._last_tick) / clocks.tick_hz)
        self._last_tick = second.tick_now
        self._follow_temperature(clocks, second, span_s)
        channels, adapt = self._channels, self.settings.adapt
        self._holdover.before(clocks, channels.gps, second)
        channels.take(clocks, second)
        fresh = channels.gps.age_s(clocks, second.tick_now) <= self.settings.gps_timeout_s
        self._holdover.take(clocks, channels.gps, second, fresh)
        self.learning.update(clocks, channels.pwm, channels.gps, channels.rtc, second.tick_now, adapt)
        self.learning.teach(clocks, channels.gps, self.temperature, second.tick_now, fresh)
        return self._estimate(clocks, second.tick_now, span_s)

    def export_state(self) -> dict[str, Any]:
        """Rates, noise levels and the temperature model."""
        self._remember()
        memory = self._memory
        rates = {
            _KEPT[index]: {"ppb": mean, "sigma_ppb": math.sqrt(variance)}
            for index, (mean, variance) in memory.rates.items()
        }
        return {
            "board_id": memory.board_id,
            "tick_hz": memory.tick_hz,
            "rates": rates,
            "celsius": memory.celsius,
            "noise": self.learning.export_state(),
            "temperature": self.temperature.export_state(),
        }

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Take an earlier run's state; call before ``restart``. ``age_s`` in it says how old it is.

        Raises ValueError, taking nothing.
        """
        temperature = TemperatureModel()
        memory = _Memory(text(state, "board_id"), number(state, "tick_hz", 0.0, _FASTEST_HZ))
        aged_ppb = AGEING_PPB_PER_DAY * number({"age_s": 0.0, **state}, "age_s", 0.0, 1e11) / 86_400.0
        rates = part(state, "rates")
        for index, name in _KEPT.items():
            if name in rates:
                kept = part(rates, name)
                mean = number(kept, "ppb", -_LARGEST_PPB, _LARGEST_PPB)
                memory.rates[index] = mean, number(kept, "sigma_ppb", 0.0, _LARGEST_PPB) ** 2 + aged_ppb**2
        if state.get("celsius") is not None:
            memory.celsius = number(state, "celsius", COLDEST_C, HOTTEST_C)
        temperature.import_state(part(state, "temperature"))
        noise = part(state, "noise")
        self.learning.import_state(noise)
        self._memory, self.temperature = memory, temperature

    def _begin(self, board: Board, second: Second) -> None:
        """A filter that stands just before the second's first edge."""
        firsts = [int(ticks[0]) for ticks in second.ticks.values() if ticks.size]
        epoch = min([second.tick_now, *firsts]) - 1
        settings = self.settings
        clocks = self.clocks = Clocks(board.tick_hz, epoch, self.learning.levels)
        first_ppb = {GPS_V: settings.first_tcxo_ppm, PI_V: settings.first_host_ppm, RTC_V: 100.0}
        for index, ppm in first_ppb.items():
            mean, variance = self._memory.rates.get(index, (0.0, (ppm * 1e3) ** 2))
            if index in self._memory.rates:
                variance += _AFTER_RESTART_PPB[index] ** 2
            clocks.filter.forget(index, variance, mean)
        for index in (GPS_U, PI_U, RTC_U):
            clocks.filter.forget(index, 1e4)
        clocks.filter.forget(PI_D, clocks.levels.pi_drift**2)
        learning, gps_ppb = self.learning, settings.first_tcxo_ppm * 1e3
        self._channels = Channels(
            board, self._watch, gps_ppb, learning.gps_variance, settings.rtc_ns**2, settings.gps_timeout_s
        )
        self._last_tick = epoch
        self._watch.begin()
        self._qualified = False
        self._holdover = Holdover(board.tick_hz, settings.blind_walk_ppb)
        learning.begin(clocks, self._channels.pwm)
        if self._phase is not None:
            self._phase.begin()
        known_c, now_c = self._memory.celsius, second.temperature_c
        if GPS_V in self._memory.rates and known_c is not None and now_c is not None:
            change, variance = self.temperature.change(known_c, now_c)
            if math.sqrt(variance) < 30.0:
                clocks.filter.shift(GPS_V, change, variance)

    def _follow_temperature(self, clocks: Clocks, second: Second, span_s: float) -> None:
        """Let all rates follow what the temperature does to the counter, as far as it is known."""
        change = self.temperature.measure(second.temperature_c, span_s)
        for rate in (GPS_V, PI_V, RTC_V):
            clocks.filter.mean[rate] += change
        clocks.heated_ppb += change

    def _estimate(self, clocks: Clocks, tick: int, span_s: float) -> Estimate:
        pwm, gps, rtc = self._channels.pwm, self._channels.gps, self._channels.rtc
        mean, cov = clocks.filter.mean.tolist(), clocks.filter.cov.tolist()
        gps_age_s = gps.age_s(clocks, tick)
        is_gps_there = gps_age_s <= self.settings.gps_timeout_s
        blind = self._holdover.variance(self.temperature, is_gps_there, tick / clocks.tick_hz, span_s)
        holdover_variance = blind + gps.unconfirmed_ppb**2
        gps_rate, gps_variance = mean[GPS_V], cov[GPS_V][GPS_V] + holdover_variance
        error, sigma_ppm = pi_error(clocks, mean, cov, tick, holdover_variance)
        levels = clocks.levels
        state, reason = self._judge(clocks, tick, gps_age_s, sigma_ppm)
        gps_known = gps.accepted >= 2 or GPS_V in self._memory.rates
        rtc_known = gps_known and rtc.accepted >= 2 and rtc.age_s(clocks, tick) < 10.0
        rtc_error = (1.0 + mean[RTC_V] * 1e-9) / (1.0 + gps_rate * 1e-9) - 1.0
        rtc_variance = cov[RTC_V][RTC_V] - 2.0 * cov[RTC_V][GPS_V] + gps_variance
        rtc_variance += levels.rtc_white**2
        measured = gps_known and pwm.blocks > 0
        return Estimate(
            state,
            reason,
            freq_error_ppm=error * 1e6 if measured else None,
            sigma_ppm=sigma_ppm if measured else None,
            tcxo_ppm=(1.0 / (1.0 + gps_rate * 1e-9) - 1.0) * 1e6 if gps_known else None,
            tcxo_sigma_ppm=math.sqrt(gps_variance + levels.tcxo_white**2) * 1e-3 if gps_known else None,
            rtc_ppm=rtc_error * 1e6 if rtc_known else None,
            rtc_sigma_ppm=math.sqrt(max(rtc_variance, 0.0)) * 1e-3 if rtc_known else None,
            confirmed=pwm.blocks > 0 and gps.rate_age_s(clocks, tick) > CONFIRM_S,
            rejected=self._rejected(),
            phase=(self._phase.read(clocks, gps, pwm, holdover_variance, span_s) if self._phase else None),
        )

    def _judge(self, clocks: Clocks, tick: int, gps_age_s: float, sigma_ppm: float) -> tuple[State, str]:
        settings, pwm, gps = self.settings, self._channels.pwm, self._channels.gps
        waiting = State.HOLD if self._tracked else State.ACQUIRE
        limit_ppm = settings.holdover_limit_ppm
        if not self._qualified:
            limit_ppm = min(limit_ppm, settings.start_limit_ppm)
        self._qualified = False
        complaint = pwm.complaint(clocks, tick, settings.pwm_timeout_s)
        if complaint:
            return waiting, complaint
        gps_lost = gps_age_s > settings.gps_timeout_s or gps.doubted or gps.scatter.mostly_refused()
        if not gps_lost and gps.accepted < 2:
            return waiting, "waiting for a second GPS pulse"
        if not sigma_ppm <= limit_ppm:
            return waiting, unsure(gps) if gps_lost else "settling"
        self._qualified = True
        complaint = self._watch.complaint(clocks, tick / clocks.tick_hz)
        if complaint:
            return waiting, complaint
        self._tracked = True
        if gps_lost:
            reason = without_gps(gps, gps_age_s > settings.gps_timeout_s)
            return State.HOLDOVER, reason + self._holdover.who_carries()
        return State.TRACK, ""

    def _remember(self) -> None:
        """Keep the rates of the clocks that are known."""
        if self.clocks is None:
            return
        pwm, gps, rtc = self._channels.pwm, self._channels.gps, self._channels.rtc
        for index, count in {GPS_V: gps.accepted, PI_V: pwm.blocks, RTC_V: rtc.accepted}.items():
            if count >= 5:
                mean, cov = self.clocks.filter.mean, self.clocks.filter.cov
                self._memory.rates[index] = float(mean[index]), float(cov[index, index])
        fresh = gps.age_s(self.clocks, self._last_tick) <= self.settings.gps_timeout_s
        if gps.accepted >= 5 and fresh:
            self._memory.celsius = self.temperature.celsius

    def _rejected(self) -> dict[str, int]:
        if self.clocks is None:
            return dict(self._rejected_before)
        now = self._channels.rejected()
        return {role: count + self._rejected_before.get(role, 0) for role, count in now.items()}
