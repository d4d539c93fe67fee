"""The trackers of the board's three channels, and what they tell each other in a second. Pure."""

from __future__ import annotations

import numpy as np
from tcxo_protocol.spec import Role

from ...edges.second import Board, Second
from .counter_watch import CounterWatch
from .filter.clock_model import GPS_U, GPS_V, PI_V, RTC_U
from .filter.clocks import Clocks
from .filter.comb import Comb
from .rate_history import LEARN_EVERY_S
from .track.pulse import PulseTracker
from .track.pwm import PwmTracker
from .witness import LOOK_EVERY_S

__all__ = ["Channels"]

GPS, RTC, PWM = Role.GPS_PPS.label, Role.RTC_PPS.label, Role.HOST_PWM.label


class Channels:
    """Pi, GPS and RTC on one board since it started. ``watch`` outlives them: it knows the board.

    ``first_tcxo_ppb``: how far the board's oscillator may be off; variances of a pulse in ns^2;
    ``gps_timeout_s``: a clock without a pulse for longer tells nothing of the present.
    """

    def __init__(
        self,
        board: Board,
        watch: CounterWatch,
        first_tcxo_ppb: float,
        gps_variance: float,
        rtc_variance: float,
        gps_timeout_s: float,
    ) -> None:
        hz, rate = board.tick_hz, board.rate_hz
        self.pwm = PwmTracker(Comb(hz, rate.get(PWM, 50.0)))
        gps_comb = Comb(hz, rate.get(GPS, 1.0))
        self.gps = PulseTracker(gps_comb, GPS_U, gps_variance, first_tcxo_ppb, is_right=True)
        self.rtc = PulseTracker(Comb(hz, rate.get(RTC, 1.0)), RTC_U, rtc_variance, 1e5)
        self._watch = watch
        self._timeout_s = gps_timeout_s
        self._seconds = 0

    def take(self, clocks: Clocks, second: Second) -> None:
        """Use all edges of a second: first the Pi's, then the pulses in the order in which they came.

        Where the Pi's rate turned the counter is doubted, before the pulses that can tell and behind those
        that came too early for it.
        """
        now_s = second.tick_now / clocks.tick_hz
        self.pwm.take(clocks, second.ticks.get(PWM, _NOTHING), second.tick_now)
        ticks_of = second.ticks.get
        pulses = ((self.gps, ticks_of(GPS, _NOTHING)), (self.rtc, ticks_of(RTC, _NOTHING)))
        for tracker, _ in pulses:
            tracker.next_second()
        turn = self.pwm.turn
        if turn is None or not self._watch.doubts(
            turn, lambda: self._witnessed(clocks, second.tick_now), now_s
        ):
            for tracker, ticks in pulses:
                tracker.take(clocks, ticks)
        else:
            for tracker, ticks in pulses:
                tracker.take(clocks, ticks[ticks <= turn.tick])
            before_ppb = float(clocks.filter.mean[GPS_V])
            clocks.doubt_counter(turn.tick, turn.change_ppb)
            for tracker, ticks in pulses:
                tracker.take(clocks, ticks[ticks > turn.tick])
            self._watch.told(turn, float(clocks.filter.mean[GPS_V]) - before_ppb, now_s)
        self._hear(clocks)
        self._watch.look(now_s, self.gps.counter_moved or self.rtc.counter_moved)

    def rejected(self) -> dict[str, int]:
        """Edges dropped so far, by role."""
        return {
            GPS: self.gps.rejected,
            RTC: self.rtc.rejected,
            PWM: self.pwm.rejected,
        }

    def _hear(self, clocks: Clocks) -> None:
        """Keep what the clocks can say when GPS is to be judged; judge it now and then.

        What the temperature does to the counter needs no witness.
        """
        witnesses, heated_ppb = clocks.witnesses, clocks.heated_ppb
        for history, tracker in ((witnesses.gps, self.gps), (witnesses.rtc, self.rtc)):
            periods, gained_ns = tracker.passed
            if periods:
                history.add(periods, gained_ns - heated_ppb * periods, tracker.noise())
        witnesses.pi.add(1, clocks.filter.mean.item(PI_V) - heated_ppb)
        self._seconds += 1
        if self._seconds % LOOK_EVERY_S or not self.gps.passed[0]:
            return
        change = witnesses.look(heated_ppb)
        if self.gps.trial is not None:
            self.gps.hear(clocks, witnesses.verdict())
            return
        moved = witnesses.counter_moved()
        self.gps.unconfirmed_ppb = 0.0 if change is None else change.doubt_ppb
        if moved is False:
            self.gps.distrust(clocks)
        elif change is not None and change.is_clear:
            self.gps.distrust(clocks, change)
        elif self._seconds % LEARN_EVERY_S == 0:
            if change is None and witnesses.gps_is_quiet():
                witnesses.learn()
            elif moved or not witnesses.gps.is_well_known:
                witnesses.gps.learn()  # the counter does such things

    def _witnessed(self, clocks: Clocks, tick: int) -> bool:
        """Whether pulses arrive that tell a change of the Pi's clock from one of the counter."""
        return any(each.age_s(clocks, tick) <= self._timeout_s for each in (self.gps, self.rtc))


_NOTHING = np.empty(0, dtype=np.int64)
