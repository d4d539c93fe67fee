"""Did GPS and a witness turn together? Then the counter did. Pure.

Behind a change of its load a Pi's rate drifts by more than any board's oscillator, but it drifts evenly: what its
rate does in the next span is next to what it did in the last two. The moments at which that drift turns are rare.
So a turn that GPS and the Pi make at the same moment, and by the same amount, was made by the counter, even though
the Pi alone turns by more now and then; and one that GPS makes while the Pi goes on evenly is GPS's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["TURN_SPANS_S", "Coincidence", "Turning"]

TURN_SPANS_S = (16, 32, 64)
NOTABLE = 2.0
"""A smaller turn of GPS's rate, in standard deviations of its noise, tells nothing."""
_FEWEST = 25
_MEMORY = 300.0
_RARE = 0.03, 0.5
"""How large a share of the moments may be those of the large turns..."""
_LARGER = 16.0
"""...whose variance is at least so many times as large."""
_REMEMBERED = 8.0
"""Evidence fades within so many spans."""
_FARTHEST = 300.0
_MOST = 10.0
"""What is known for sure need not become surer, and is to fade."""


class Turning:
    """How a clock's rate turns by itself over a span: next to nothing most of the time, and much now and then.

    A mixture of two normal distributions, learned one turn after the other (recursive expectation-maximisation,
    Titterington, J. R. Stat. Soc. B 46, 1984).
    """

    def __init__(self) -> None:
        self._count = 0.0
        self._rare = 0.1
        self._small = self._large = 0.0

    @property
    def is_known(self) -> bool:
        """Whether enough was seen."""
        return self._count >= _FEWEST

    def learn(self, turn_ppb: float) -> None:
        """Take an ordinary moment's turn."""
        square = turn_ppb * turn_ppb
        if not self._count:
            self._small, self._large = square + 1e-4, _LARGER * (square + 1e-4)
        self._count = min(self._count + 1.0, _MEMORY)
        step = 1.0 / max(self._count, 10.0)
        usual, rare = self._densities(square, 0.0)
        share = rare / (usual + rare) if usual + rare else 1.0
        self._small += (1.0 - share) * (square - self._small) * step / (1.0 - self._rare)
        self._large += share * (square - self._large) * step / self._rare
        self._large = max(self._large, _LARGER * self._small)
        self._rare = min(max(self._rare + (share - self._rare) * step, _RARE[0]), _RARE[1])

    def log_likelihood(self, turn_ppb: float, variance: float = 0.0) -> float:
        """Of a turn that is seen with a noise of this variance (ppb^2)."""
        usual, rare = self._densities(turn_ppb * turn_ppb, variance)
        return math.log(usual + rare + 1e-300)

    def _densities(self, square: float, variance: float) -> tuple[float, float]:
        small, large = self._small + variance, self._large + variance
        usual = (1.0 - self._rare) / math.sqrt(small) * math.exp(-min(0.5 * square / small, _FARTHEST))
        rare = self._rare / math.sqrt(large) * math.exp(-min(0.5 * square / large, _FARTHEST))
        return usual, rare


class Coincidence:
    """How likely it became of late that the counter turned, and not GPS, by what one kind of witness did."""

    def __init__(self) -> None:
        self._turnings = [Turning() for _ in TURN_SPANS_S]
        self._evidence = [0.0] * len(TURN_SPANS_S)

    def learn(self, turns_ppb: Sequence[float]) -> None:
        """The witness's turns at an ordinary moment, for each of ``TURN_SPANS_S`` that is known."""
        for turning, turn_ppb in zip(self._turnings, turns_ppb, strict=False):
            turning.learn(turn_ppb)

    def look(
        self, gps_ppb: Sequence[float], theirs_ppb: Sequence[float], noises: Sequence[float], every_s: float
    ) -> None:
        """The latest turns of GPS, whose noise has these variances (ppb^2), and of the witness."""
        self.wait(every_s)
        for index, (gps, theirs, noise) in enumerate(zip(gps_ppb, theirs_ppb, noises, strict=False)):
            turning = self._turnings[index]
            if turning.is_known and gps * gps > NOTABLE**2 * noise:
                told = turning.log_likelihood(theirs - gps, noise) - turning.log_likelihood(theirs)
                # Looks at one moment from so near to each other are one look.
                evidence = self._evidence[index] + told * every_s / TURN_SPANS_S[index]
                self._evidence[index] = min(max(evidence, -_MOST), _MOST)

    def wait(self, every_s: float) -> None:
        """Nothing happens."""
        if not any(self._evidence):
            return
        for index, span_s in enumerate(TURN_SPANS_S):
            self._evidence[index] *= 1.0 - every_s / (_REMEMBERED * span_s)

    def clear(self) -> None:
        """It was acted upon."""
        self._evidence = [0.0] * len(TURN_SPANS_S)

    def evidence(self) -> tuple[float, float]:
        """Logarithms of how much likelier it is that the counter turned: by the span that says so most, and by the
        one that says so least."""
        return max(self._evidence), min(self._evidence)
