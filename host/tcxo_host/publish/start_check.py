"""The first minutes, in which a GPS receiver without a fix would be taken at its word. Pure.

Such a receiver gives pulses by its own crystal, off by a ppm or so. What an earlier run knew of the clocks tells it:
all of them then seem to have moved by as much, to the same side. If the counter alone moved (a board with an ordinary
crystal, in another weather), the RTC and the Pi still agree with GPS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..estimate.interface import Estimate, State

__all__ = ["Remembered", "StartCheck"]

TCXO_MOVES_PPM = 0.1
"""Over days and degrees without power a TCXO moves less than this."""
RTC_MOVES_PPM = 0.1
PI_SHARE = 0.5
"""The Pi's crystal may move a good deal by itself, but hardly by chance as much as the TCXO seems to have moved."""
SIGMAS = 4.0
BELIEVED_AFTER_S = 3600.0
"""A receiver that contradicts for so long is right, and what is remembered is not."""
LONGEST_STEP_S = 1.5
"""In a longer gap nothing was learned."""
LEARNED_S = 600.0
"""What the TCXO does is known only as well as the receiver knew it, in so short a time."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Frequency errors against GPS at the end of an earlier run, ppm with one standard deviation; None: not known.

    They hold for the board of this ``board_id`` only.
    """

    board_id: str = ""
    tcxo: tuple[float, float] | None = None
    rtc: tuple[float, float] | None = None
    pi: tuple[float, float] | None = None

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Remembered:
        """From what ``export_state`` of the estimator ``kalman`` gave; nothing from that of another estimator."""
        rates = state.get("rates", {})
        if "gps_rate" not in rates:
            return cls()
        gps, gps_sigma = _ppm(rates["gps_rate"])

        def against_gps(name: str) -> tuple[float, float] | None:
            if name not in rates:
                return None
            ppm, sigma = _ppm(rates[name])
            return ppm - gps, math.hypot(sigma, gps_sigma)

        # the state has the clocks' rates against the counter, which is the TCXO
        return cls(state["board_id"], (-gps, gps_sigma), against_gps("rtc_rate"), against_gps("pi_rate"))


class StartCheck:
    """Says why an estimate of the first minutes may not be used yet."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered
        self._agreed = False
        self._since_s: float | None = None
        self._tracked_s = 0.0
        self._last_s: float | None = None

    @property
    def is_passed(self) -> bool:
        """Whether GPS was seen to agree, or there is nothing to ask: only then may what is learned replace it."""
        return self._agreed or self._remembered.tcxo is None

    def doubt(self, estimate: Estimate, time_s: float, board_id: str) -> str:
        """To be asked every second, with any steady clock; an empty text: it may be used."""
        known = self._remembered.tcxo is not None and self._remembered.board_id == board_id
        step_s = 0.0 if self._last_s is None else min(max(0.0, time_s - self._last_s), LONGEST_STEP_S)
        self._last_s = time_s
        if estimate.state is State.TRACK:
            self._tracked_s += step_s
        if not estimate.usable:
            return ""
        if not self._agreed and known and self._contradicts(estimate):
            if self._since_s is None:
                self._since_s = time_s
            doubted = time_s - self._since_s <= BELIEVED_AFTER_S
        else:
            doubted = False
        # what goes on from memory alone agrees with it, and says nothing of GPS
        self._agreed = self._agreed or (not doubted and estimate.state is State.TRACK)
        if doubted:
            return (
                "GPS contradicts what an earlier run knew of the TCXO: has the receiver a fix, are the wires of GPS and"
                " RTC swapped?"
            )
        if estimate.state is State.HOLDOVER and not known and self._tracked_s < LEARNED_S:
            return "GPS went before the TCXO was known well enough to go on without it"
        return ""

    def _contradicts(self, estimate: Estimate) -> bool:
        """Whether the TCXO seems to have moved, and no other clock vouches for GPS."""
        tcxo = _shift(self._remembered.tcxo, estimate.tcxo_ppm, estimate.tcxo_sigma_ppm)
        if tcxo is None or abs(tcxo[0]) <= TCXO_MOVES_PPM + SIGMAS * tcxo[1]:
            return False
        rtc = _shift(self._remembered.rtc, estimate.rtc_ppm, estimate.rtc_sigma_ppm)
        if rtc is not None and abs(rtc[0]) <= RTC_MOVES_PPM + SIGMAS * rtc[1]:
            return False
        pi = _shift(self._remembered.pi, estimate.freq_error_ppm, estimate.sigma_ppm)
        return pi is None or abs(pi[0]) > PI_SHARE * abs(tcxo[0])


def _ppm(rate: Mapping[str, float]) -> tuple[float, float]:
    return rate["ppb"] * 1e-3, rate["sigma_ppb"] * 1e-3


def _shift(
    before: tuple[float, float] | None, now_ppm: float | None, sigma_ppm: float | None
) -> tuple[float, float] | None:
    """By how much a clock moved against GPS, and the standard deviation of that; None where it is not known."""
    if before is None or now_ppm is None:
        return None
    return now_ppm - before[0], math.hypot(before[1], sigma_ppm or 0.0)
