"""What others know: chronyd of the system clock, gpsd of the receiver, the kernel of the PWM, earlier runs of all."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..config.settings import Config
from ..errors import ProblemLog
from ..estimate.interface import Estimate
from ..publish.resume import Applied
from ..publish.start_check import Remembered, StartCheck
from ..publish.witness import LIMIT_PPM, SKEWS, ClockWitness
from .applied import applied_now
from .chronyc import Tracking, TrackingWatch
from .gpsd import GpsFix
from .outputs import Outputs

__all__ = ["Outside"]


UPDATED_WITHIN_S = 4096.0
"""A few of the longest usual polls (1024 s)."""


class Outside:
    """Asked once a second; waits for nobody.

    ``pwm_problem``: why the PWM may not be trusted, or an empty text; ``pwm_bias_ppm``: by how much it is known to run
    fast against the system clock; ``chrony_adds_ppm``: what chrony's tempcomp line adds to the number in the file.
    Raises ConfigError for a malformed address of gpsd.
    """

    def __init__(
        self,
        config: Config,
        outputs: Outputs,
        remembered: Remembered,
        pwm_problem: Callable[[], str] | None,
        pwm_bias_ppm: float,
        chrony_adds_ppm: float = 0.0,
    ) -> None:
        self.gps_is_doubted = remembered.tcxo is not None
        """Whether other witnesses contradict, or an earlier run does not agree yet: what is learned is not kept."""
        self._start = StartCheck(remembered)
        self._outputs = outputs
        self._pwm_problem = pwm_problem
        self._pwm_bias_ppm = pwm_bias_ppm
        self._chrony_adds_ppm = chrony_adds_ppm
        self._chrony = (
            TrackingWatch() if config.output.ask_chrony and not config.output.measure_only else None
        )
        self._gpsd = GpsFix(config.gps.gpsd) if config.gps.gpsd else None
        self._witness = ClockWitness()
        self._problems = ProblemLog()

    def applied(self, baseline_known: bool, error_ppm: float) -> Applied | None:
        """What chrony applies before the first value of this daemon; ``error_ppm``: of the crystal, by the board."""
        path, tracking = self._outputs.tempcomp_path, self._tracking()
        if path is None:
            return None
        return applied_now(path, baseline_known, tracking is not None, self._seen_ppm(tracking, error_ppm))

    def chrony_ppm(self) -> float | None:
        """The part of the frequency that chronyd corrects by itself, or None."""
        tracking = self._tracking()
        return None if tracking is None else tracking.freq_ppm

    def has_fix(self) -> bool | None:
        """Whether the GPS receiver has a fix; None where nobody says so."""
        if self._gpsd is None:
            return None
        fix = self._gpsd.has_fix(time.monotonic())
        self._problems.note("gpsd", self._gpsd.problem)
        return fix

    def doubt(self, estimate: Estimate, time_s: float, board_id: str) -> str:
        """Why what is measured may not be used, or an empty text."""
        start, clock = self._start.doubt(estimate, time_s, board_id), self._clock_doubt(estimate, time_s)
        self.gps_is_doubted = bool(clock) or not self._start.is_passed
        pwm = self._pwm_problem() if self._pwm_problem else ""
        return pwm or start or clock

    def close(self) -> None:
        """Leave chronyd and gpsd."""
        for each in (self._chrony, self._gpsd):
            if each is not None:
                each.close()

    def _clock_doubt(self, estimate: Estimate, time_s: float) -> str:
        error_ppm = estimate.freq_error_ppm if estimate.usable else None
        tracking = self._tracking()
        if error_ppm is None or tracking is None:
            return self._witness.doubt(None, (), 0.0, time_s)
        # chrony may read the file, and then its own frequency is the crystal's plus the value, or not
        applied_ppm = self._applied_ppm()
        errors_ppm = (tracking.freq_ppm - applied_ppm - self._chrony_adds_ppm, tracking.freq_ppm)
        return self._witness.doubt(error_ppm - self._pwm_bias_ppm, errors_ppm, tracking.skew_ppm, time_s)

    def _seen_ppm(self, tracking: Tracking | None, error_ppm: float) -> float | None:
        """What chrony applies, as its own frequency shows beside the crystal's error; None: not clearly anything."""
        if tracking is None:
            return None
        seen_ppm = tracking.freq_ppm - (error_ppm - self._pwm_bias_ppm) - self._chrony_adds_ppm
        return seen_ppm if abs(seen_ppm) > max(LIMIT_PPM, SKEWS * tracking.skew_ppm) else None

    def _applied_ppm(self) -> float:
        """The value that chrony applies if it reads the file; before our first one it is an earlier run's."""
        last_ppm, path = self._outputs.last_published_ppm, self._outputs.tempcomp_path
        if last_ppm is not None or path is None:
            return last_ppm or 0.0
        applied = applied_now(path, True, True)
        return applied.value_ppm if applied else 0.0

    def _tracking(self) -> Tracking | None:
        """chronyd's latest answer, while it follows a source."""
        tracking = self._chrony.latest(time.monotonic()) if self._chrony else None
        if tracking is None or not tracking.is_synchronised:
            return None
        # without sources chronyd stays "synchronised", with the frequency that it had
        return tracking if time.time() - tracking.updated_utc_s <= UPDATED_WITHIN_S else None
