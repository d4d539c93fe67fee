"""A simulated Pi for ``publish/phase/``: its counter, its two clocks and the level of its PWM pin.

Stands in for the counter behind CLOCK_MONOTONIC_RAW and CLOCK_REALTIME, the kernel's conversion of it, the GPLEV0
register and the scheduler, at the seam of ``phase.pin`` and ``clock_pair``: reading a clock or the pin costs
time, and time goes on only by that and by sleeping. Real: crystal, PWM and counter are one (``World``'s Pi clock);
RAW goes in whole ticks of the counter and by the kernel's rounded ``mult``; a read may come late by up to 100 us,
before or after its moment; the firmware freezes the cores about twice a second (raspberrypi time-nuts reports,
January 2019); a sleep ends late. Left out: delays of the pin and the bus that change with temperature or CPU clock,
caches that make the first read of a burst slower, and that REALTIME's own ``mult`` is quantised.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from ..publish.phase.raw_clock import RawClock
from .world import World

__all__ = ["Latency", "SimulatedPi"]

_RAW_START_NS = 86_400_000_000_000
_REAL_START_NS = 1_750_000_000_000_000_000
GPS_SECOND_S = 0.3
"""``World``'s pulses fall on this fraction of a true second: there UTC's seconds begin."""
_PWM_FIRST_S = 0.0073
_DRAWS = 4096


@dataclass(frozen=True, slots=True)
class Latency:
    """What reading costs. From a clock's reading to the pin's sample ``before_ns``, from there to the next
    clock's reading ``after_ns``; a poll is longer by up to ``late_ns`` with probability ``late_share``."""

    before_ns: float = 150.0
    after_ns: float = 150.0
    clock_ns: float = 60.0
    """From clock reading to clock reading."""
    jitter_ns: float = 10.0
    """Each step takes up to so much longer."""
    late_share: float = 0.01
    late_ns: float = 100_000.0
    late_clock_share: float = 0.0002
    """The same for a reading of a clock: a thread that waits by reading it is not late more often for that."""
    freezes_hz: float = 2.0
    freeze_ns: float = 60_000.0
    """The cores stand still for up to this long."""
    sleep_late_ns: float = 60_000.0
    """A sleep ends so late, on average."""


class SimulatedPi:
    """The Pi of ``world``, with a counter of ``counter_hz``. ``system_error_ns``: REALTIME's first error.

    The PWM is high for the first half of its period. ``stuck``: level that the pin always has instead, if any;
    ``slow_ppm``: the PWM's own rate error against the crystal, for a PWM that is not what it should be.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        counter_hz: int = 19_200_000,
        latency: Latency | None = None,
        system_error_ns: float = 0.0,
    ) -> None:
        self.stuck: int | None = None
        self.slow_ppm = 0.0
        self.raw_clock = RawClock(counter_hz)
        self._world = world
        self._latency = latency or Latency()
        self._hz = counter_hz
        self._mult, self._shift = self.raw_clock.mult_shift
        self._rng = np.random.default_rng([seed, 0x9105])
        self._draws: list[float] = []
        self._now_ns = 0.0  # of the crystal's own time
        self._next_freeze_ns = 0.0
        self._pwm_shift_ns = 0.0
        self._pwm_off = False
        # REALTIME = real + (RAW - raw) * (1 + rate)
        self._real_at = (_RAW_START_NS, float(GPS_SECOND_S * -1e9 + system_error_ns), 0.0)
        self._pending_step: tuple[float, float] | None = None

    def wait_until(self, true_s: float) -> None:
        """Let time go on to ``true_s`` of the world; an earlier one changes nothing."""
        self._now_ns = max(self._now_ns, (true_s + self._world.pi_error_s(true_s)) * 1e9)

    def clock(self, which: int) -> int:
        """``time.clock_gettime_ns`` for CLOCK_MONOTONIC_RAW and CLOCK_REALTIME."""
        latency = self._latency
        half = 0.5 * latency.clock_ns
        self._spend(half, latency.late_clock_share)
        if self._pending_step is not None and self._now_ns >= self._pending_step[0]:
            self.step_system_clock(self._pending_step[1])
            self._pending_step = None
        ticks = int(self._now_ns * 1e-9 * self._hz)
        raw_ns = _RAW_START_NS + (ticks * self._mult >> self._shift)
        self._spend(half, latency.late_clock_share)
        return raw_ns if which == time.CLOCK_MONOTONIC_RAW else self._real_ns(raw_ns)

    def raw(self) -> int:
        """CLOCK_MONOTONIC_RAW."""
        return self.clock(time.CLOCK_MONOTONIC_RAW)

    def sleep(self, until_raw_ns: int) -> None:
        """Sleep until RAW shows ``until_raw_ns``, and somewhat longer."""
        late_ns = self._latency.sleep_late_ns * (0.5 - math.log(1.0 - 0.999 * self._draw())) * 0.66
        crystal_ns = (until_raw_ns - _RAW_START_NS) / (1.0 + self.raw_clock.error_ppb * 1e-9)
        self._now_ns = max(self._now_ns, crystal_ns) + late_ns

    def level(self) -> int:
        """The register's bit. Its share of the time since a clock's reading is ``before_ns``."""
        latency = self._latency
        half_clock_ns, late = 0.5 * latency.clock_ns, 0.5 * latency.late_share
        self._spend(latency.before_ns - half_clock_ns, late)
        level = self._level()
        self._spend(latency.after_ns - half_clock_ns, late)
        return level

    def rewrite_pwm(self, shift_ns: float) -> None:
        """The PWM's edges come later by ``shift_ns`` from now on (the board's are moved by the caller)."""
        self._pwm_shift_ns += shift_ns

    def step_system_clock(self, ns: float) -> None:
        """As ``settimeofday``, now."""
        raw_ns, real_ns, rate = self._real_at
        self._real_at = (raw_ns, real_ns + ns, rate)

    def step_during_reads(self, ns: float, in_ns: float) -> None:
        """The same, ``in_ns`` from now, in the middle of whatever is being read then."""
        self._pending_step = (self._now_ns + in_ns, ns)

    def slew_system_clock(self, ppm: float) -> None:
        """From now on REALTIME runs so much faster than RAW."""
        raw_ns = _RAW_START_NS + round(self._now_ns * (1.0 + self.raw_clock.error_ppb * 1e-9))
        self._real_at = (raw_ns, self._real_float(raw_ns), ppm * 1e-6)

    @property
    def true_s(self) -> float:
        """The world's time now."""
        return self._true_s(self._now_ns)

    def true_offset_ns(self, real_ns: int) -> float:
        """UTC minus REALTIME when REALTIME showed ``real_ns``, within half a second."""
        raw_ns, real, rate = self._real_at
        crystal_ns = raw_ns - _RAW_START_NS + (real_ns - _REAL_START_NS - real) / (1.0 + rate)
        true_s = self._true_s(crystal_ns / (1.0 + self.raw_clock.error_ppb * 1e-9))
        # modulo one second, so that no digits are lost to the year
        gone = (true_s - GPS_SECOND_S) % 1.0 * 1e9 - (real_ns - _REAL_START_NS) % 1_000_000_000
        return (gone + 0.5e9) % 1e9 - 0.5e9

    def edge_error_ns(self, raw_ns: int, after_ns: float) -> float:
        """How far the moment ``after_ns`` before ``raw_ns`` lies after the PWM's nearest edge."""
        ratio = 1.0 + self.raw_clock.error_ppb * 1e-9
        since_ns = (raw_ns - _RAW_START_NS - after_ns) / ratio - _PWM_FIRST_S * 1e9 - self._pwm_shift_ns
        period_ns = self._period_ns()
        return (since_ns + 0.5 * period_ns) % period_ns - 0.5 * period_ns

    def _period_ns(self) -> float:
        return 1e9 / self._world.scenario.pwm.rate_hz * (1.0 + self.slow_ppm * 1e-6)

    def _level(self) -> int:
        if self.stuck is not None:
            return self.stuck
        period_ns = self._period_ns()
        return int((self._now_ns - _PWM_FIRST_S * 1e9 - self._pwm_shift_ns) % period_ns < 0.5 * period_ns)

    def _true_s(self, crystal_ns: float) -> float:
        """The world's time at which the crystal shows ``crystal_ns``; its error hardly changes in a microsecond."""
        shown_s = crystal_ns * 1e-9
        true_s = shown_s
        for _ in range(3):
            true_s = shown_s - self._world.pi_error_s(true_s)
        return true_s

    def _real_float(self, raw_ns: int) -> float:
        then_ns, real_ns, rate = self._real_at
        return real_ns + (raw_ns - then_ns) * (1.0 + rate)

    def _real_ns(self, raw_ns: int) -> int:
        return _REAL_START_NS + math.floor(self._real_float(raw_ns))

    def _spend(self, ns: float, late_share: float) -> None:
        """Let time go on by ``ns``, or by more: jitter, lateness, frozen cores."""
        latency = self._latency
        ns += self._draw() * latency.jitter_ns
        if self._draw() < late_share:
            ns += self._draw() * latency.late_ns
        self._now_ns += ns
        if latency.freezes_hz and self._now_ns >= self._next_freeze_ns:
            late_ns = self._now_ns - self._next_freeze_ns
            if late_ns < ns + 1.0:
                self._now_ns += self._draw() * latency.freeze_ns
            self._next_freeze_ns = self._now_ns - math.log(1.0 - self._draw()) * 1e9 / latency.freezes_hz

    def _draw(self) -> float:
        if not self._draws:
            self._draws = self._rng.random(_DRAWS).tolist()
        return self._draws.pop()
