"""From the crystal's error to the number for chrony, second by second. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import tempcomp
from .baseline import Baseline
from .resume import Applied, share_of_drift, share_of_step

__all__ = ["Compensation", "Outcome"]

CADENCE_S = 1.5
"""Values that follow each other within this long are an unbroken row."""
LEAST_MOVE_PPM = 0.001
"""A smaller move of the baseline is not worth a line in the log."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``value_ppm``: what to write, None to write nothing, with ``reason``. ``note``: for the log, or empty."""

    value_ppm: float | None
    baseline_ppm: float
    reason: str = ""
    note: str = ""


class Compensation:
    """Makes minus (error - baseline), and goes on after a hold without correcting anything twice.

    ``applied`` is asked at the first value what chrony applies then, by whether a baseline is known and by the error;
    None: nothing is known. ``chrony_ppm`` gives the part of the frequency that chrony corrects by itself (``chronyc
    tracking``, + for a clock that is fast), or None; where it is known, what chrony took up during a hold is known
    too. A baseline that the user fixed never moves: then the file goes to minus (error - baseline) at once.
    """

    def __init__(
        self,
        baseline: Baseline,
        applied: Callable[[bool, float], Applied | None] = lambda baseline_known, error_ppm: None,
        chrony_ppm: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._baseline = baseline
        self._ask_applied = applied
        self._applied: Applied | None = None
        self._chrony_ppm = chrony_ppm
        self._last: tuple[float, float] | None = None
        self._chrony_before_ppm: float | None = None

    def second(self, error_ppm: float | None, board_id: str, now_s: float) -> Outcome:
        """What to write for this second; ``error_ppm`` None: nothing. ``now_s``: any steady clock."""
        if error_ppm is None:
            return Outcome(None, self._baseline.known_ppm(board_id))
        if self._last is None:
            known = self._baseline.is_decided(board_id)
            self._applied = self._ask_applied(known, error_ppm)
            if self._applied is not None and not known:
                return self._first(error_ppm, board_id, now_s, self._applied.value_ppm)
        elif not self._baseline.is_decided(board_id):  # another board, while chrony applies the last value
            return self._first(error_ppm, board_id, now_s, self._last[0])
        wanted_ppm = self._baseline.ppm(error_ppm, board_id) - error_ppm
        as_it_is = self._baseline.is_fixed or self._baseline.is_to_be_applied
        taken_ppm = 0.0 if as_it_is else self._taken_up_ppm(wanted_ppm, now_s)
        value_ppm = tempcomp.value_ppm(taken_ppm - wanted_ppm)
        if not tempcomp.is_in_range(value_ppm):
            limit = f"chrony takes at most ±{tempcomp.LIMIT_PPM:g}"
            reason = f"out of range: {value_ppm:+.3f} ppm, {limit}"
            return Outcome(None, self._baseline.known_ppm(board_id), reason)
        note = self._note(taken_ppm, wanted_ppm, now_s)
        self._baseline.applied()
        self._baseline.move(-taken_ppm, note)
        self._remember(value_ppm, now_s)
        return Outcome(value_ppm, self._baseline.known_ppm(board_id), note=note)

    def _first(self, error_ppm: float, board_id: str, now_s: float, applied_ppm: float) -> Outcome:
        """No baseline is known, but what chrony applies is: it has found its frequency with that."""
        self._baseline.decide(applied_ppm + error_ppm, board_id)
        self._remember(applied_ppm, now_s)
        baseline_ppm = self._baseline.known_ppm(board_id)
        note = f"going on from {applied_ppm:+.6f} ppm, which chrony applies: baseline {baseline_ppm:+.6f} ppm"
        return Outcome(applied_ppm, baseline_ppm, note=note)

    def _taken_up_ppm(self, wanted_ppm: float, now_s: float) -> float:
        """How much of the change up to ``wanted_ppm`` chrony has made by itself since the last value."""
        if self._last is not None:
            value_ppm, written_s = self._last
            held_s = now_s - written_s
            if held_s <= CADENCE_S:
                return 0.0
            share = share_of_drift(held_s)
        elif self._applied is not None:
            value_ppm, held_s = self._applied.value_ppm, self._applied.since_s
            share = share_of_step(held_s) if self._applied.at_start else share_of_drift(held_s)
        else:
            return 0.0
        change_ppm = wanted_ppm - value_ppm
        now_ppm = self._chrony_ppm()
        if (
            self._last is not None
            and self._chrony_before_ppm is not None
            and now_ppm is not None
            and change_ppm
        ):
            # chrony's own correction is minus its frequency, as the file is minus the error
            share = min(1.0, max(0.0, (self._chrony_before_ppm - now_ppm) / change_ppm))
        return share * change_ppm

    def _note(self, taken_ppm: float, wanted_ppm: float, now_s: float) -> str:
        if abs(taken_ppm) < LEAST_MOVE_PPM:
            return ""
        held = f" after {now_s - self._last[1]:.0f} s without a value" if self._last else ""
        return (
            f"going on{held}: chrony has taken up {taken_ppm:+.3f} ppm by itself, the baseline moves by"
            f" {-taken_ppm:+.3f} ppm"
        )

    def _remember(self, value_ppm: float, now_s: float) -> None:
        self._last = value_ppm, now_s
        self._chrony_before_ppm = self._chrony_ppm()
