"""What a PTP server may claim of its clock, from the daemon's state and chronyd's. Pure.

Clock classes and accuracies: IEEE 1588-2019, tables 4 and 5 (7.6.2.5, 7.6.2.6): 6 is synchronised to a primary
reference, 7 in holdover within its specification, 52 out of it, 248 the default. The words are those of linuxptp's
GRANDMASTER_SETTINGS_NP (pmc(8)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...daemon.chronyc import Tracking
from ...estimate.interface import State

__all__ = ["LOCKED", "LOST", "Clock", "Quality", "accuracy_code", "set_command"]

LOCKED, HOLDOVER, LOST, NEVER = 6, 7, 52, 248
UPDATED_WITHIN_S = 200.0
"""A pulse that chronyd takes comes every 16 s (poll 4); so many may be missing."""
GRACE_S = 60.0
"""The daemon holds for some seconds now and then; the clock is no worse for it at once."""
_ACCURACIES = (
    *((25e-9, 0x20), (100e-9, 0x21), (250e-9, 0x22), (1e-6, 0x23), (2.5e-6, 0x24), (10e-6, 0x25)),
    *((25e-6, 0x26), (100e-6, 0x27), (250e-6, 0x28), (1e-3, 0x29), (2.5e-3, 0x2A), (10e-3, 0x2B)),
    *((25e-3, 0x2C), (100e-3, 0x2D), (250e-3, 0x2E), (1.0, 0x2F), (10.0, 0x30)),
)
_UNKNOWN_ACCURACY, _UNKNOWN_VARIANCE = 0xFE, 0xFFFF
_GNSS, _OWN_OSCILLATOR = 0x20, 0xA0
_LOCAL = "7F7F0101"
"""chronyd's own reference id while "local stratum 1" lets it serve without any source."""
_SIGMAS = 3.0
_LEAST_DRIFT = 1e-9
"""No holdover is claimed to be better than 1 ppb."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What GRANDMASTER_SETTINGS_NP takes."""

    clock_class: int
    accuracy: int = _UNKNOWN_ACCURACY
    variance: int = _UNKNOWN_VARIANCE
    utc_offset_s: int = 37
    utc_offset_valid: bool = False
    leap61: bool = False
    leap59: bool = False
    ptp_timescale: bool = False
    traceable: bool = False
    source: int = _OWN_OSCILLATOR


class Clock:
    """Follows the state; remembers when it was last synchronised, and how well.

    ``holdover_s``: for so long the TCXO alone is within specification. ``ptp_timescale``: the server's clock counts
    TAI (hardware timestamps, set by phc2sys); with software timestamps it is the system clock, UTC.
    """

    def __init__(self, holdover_s: float, *, ptp_timescale: bool) -> None:
        self._holdover_s = holdover_s
        self._ptp_timescale = ptp_timescale
        self._locked_s: float | None = None
        self._bound_s = 0.0
        self._drift = _LEAST_DRIFT
        self._utc_offset = (37, False)

    def quality(
        self,
        now_s: float,
        state: str,
        sigma_ppm: float | None,
        tracking: Tracking | None,
        utc_s: float,
        utc_offset: tuple[int, bool],
    ) -> Quality:
        """For the daemon's ``state`` and chronyd's ``tracking`` (None: it does not answer) at ``now_s``, steady.

        ``utc_offset``: TAI minus UTC in seconds, and whether it is known.
        """
        self._utc_offset = utc_offset
        if state == State.TRACK and tracking is not None and _follows_the_pulse(tracking, utc_s):
            self._locked_s = now_s
            self._bound_s = _SIGMAS * max(tracking.rms_offset_s, abs(tracking.last_offset_s))
            self._drift = max(_LEAST_DRIFT, _SIGMAS * (sigma_ppm or 0.0) * 1e-6)
            return self._made(LOCKED, self._bound_s, tracking, utc_offset)
        if self._locked_s is None:
            return self.lost()
        away_s = now_s - self._locked_s
        may_s = self._holdover_s if state in (State.TRACK, State.HOLDOVER) else min(GRACE_S, self._holdover_s)
        holds = away_s <= may_s
        bound_s = self._bound_s + self._drift * away_s
        return self._made(HOLDOVER if holds else LOST, bound_s if holds else math.inf, tracking, utc_offset)

    def lost(self) -> Quality:
        """Nobody knows any more. What TAI is ahead by stays: a server that forgot it would jump by a second."""
        clock_class = NEVER if self._locked_s is None else LOST
        return Quality(
            clock_class,
            utc_offset_s=self._utc_offset[0],
            utc_offset_valid=self._utc_offset[1],
            ptp_timescale=self._ptp_timescale,
        )

    def _made(
        self, clock_class: int, bound_s: float, tracking: Tracking | None, utc_offset: tuple[int, bool]
    ) -> Quality:
        leap = tracking.leap if tracking else ""
        known = clock_class != LOST
        return Quality(
            clock_class,
            accuracy_code(bound_s) if known else _UNKNOWN_ACCURACY,
            _variance_code(self._bound_s / _SIGMAS) if clock_class == LOCKED else _UNKNOWN_VARIANCE,
            utc_offset[0],
            utc_offset[1],
            leap == "Insert second",
            leap == "Delete second",
            self._ptp_timescale,
            known,
            _GNSS if clock_class == LOCKED else _OWN_OSCILLATOR,
        )


def _follows_the_pulse(tracking: Tracking, utc_s: float) -> bool:
    """Stratum 1 is a reference clock; one that has gone stays the source until chronyd has another."""
    return (
        tracking.is_synchronised
        and tracking.stratum == 1
        and tracking.reference != _LOCAL
        and abs(utc_s - tracking.updated_utc_s) <= UPDATED_WITHIN_S
    )


def accuracy_code(bound_s: float) -> int:
    """The enumeration's smallest value that a bound of the time error is within."""
    return next((code for limit_s, code in _ACCURACIES if bound_s <= limit_s), _UNKNOWN_ACCURACY)


def _variance_code(rms_s: float) -> int:
    """PTP variance as 7.6.3.3 scales it: 256 log2 of it in square seconds, offset by 0x8000."""
    return min(max(round(256.0 * math.log2(max(rms_s, 1e-9) ** 2)) + 0x8000, 0), 0xFFFE)


def set_command(quality: Quality) -> str:
    """For pmc, in the order of its own output."""
    return (
        f"SET GRANDMASTER_SETTINGS_NP clockClass {quality.clock_class} clockAccuracy {quality.accuracy:#x}"
        f" offsetScaledLogVariance {quality.variance:#x} currentUtcOffset {quality.utc_offset_s}"
        f" leap61 {quality.leap61:d} leap59 {quality.leap59:d}"
        f" currentUtcOffsetValid {quality.utc_offset_valid:d} ptpTimescale {quality.ptp_timescale:d}"
        f" timeTraceable {quality.traceable:d} frequencyTraceable {quality.traceable:d}"
        f" timeSource {quality.source:#x}"
    )
