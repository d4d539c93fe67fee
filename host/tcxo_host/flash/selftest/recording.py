"""What a board sent during its self-test, sorted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import Edges, Identify, ProtocolError, Record, Status, Text

__all__ = ["Capture", "Quiet", "Recording", "Step"]

_MARK = "selftest "


@dataclass(frozen=True, slots=True)
class Quiet:
    """Before anything was driven. ``is_high``: the pulled-down output was; ``edges`` of each channel id."""

    is_high: bool
    edges: dict[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """The signal was on at ``rate_hz`` between two ticks; ``numbers``: of each channel's edges, first and end."""

    rate_hz: int
    from_tick: int
    until_tick: int
    pause_ms: int
    numbers: dict[int, tuple[int, int]]

    def range_of(self, channel: int) -> tuple[int, int]:
        """Of a channel id; empty for one that the board does not name."""
        return self.numbers.get(channel, (0, 0))


@dataclass(frozen=True, slots=True)
class Capture:
    """A channel's edges as they came: running ``numbers``, ``ticks``, and the ``flags`` of each record's first."""

    numbers: npt.NDArray[np.int64]
    ticks: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]

    def between(self, first: int, end: int) -> Capture:
        """Those with numbers from ``first`` up to before ``end``."""
        inside = (self.numbers >= first) & (self.numbers < end)
        return Capture(self.numbers[inside], self.ticks[inside], self.flags[inside])


@dataclass
class Recording:
    """Records of the test in the order they came; ``line`` is what the receiver counted."""

    identify: Identify | None = None
    quiet: Quiet | None = None
    is_ended: bool = False
    restarts: int = 0
    line: LineCounts = field(default_factory=LineCounts)
    steps: list[Step] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _edges: dict[int, list[Edges]] = field(default_factory=dict)

    def take(self, records: Iterable[Record]) -> None:
        """Sort records in. A board that restarts under way is counted; what it then sends, or after the end, is left
        out.

        Raises ProtocolError for a mark of the self-test that is none.
        """
        for record in records:
            if isinstance(record, Identify):
                self.restarts += self.identify is not None and self.identify.boot_id != record.boot_id
                self.identify = self.identify or record
            elif isinstance(record, Text):
                self._take_text(record.text)
            elif not self.restarts and isinstance(record, Status):
                self.statuses.append(record)
            elif not self.restarts and isinstance(record, Edges):
                self._edges.setdefault(record.channel, []).append(record)

    @property
    def is_cut_off(self) -> bool:
        """The board restarted before the test's end; the reset after it is the test's own."""
        return self.restarts > 0 and not self.is_ended

    def capture(self, channel: int) -> Capture:
        """All edges of a channel id."""
        records = self._edges.get(channel, [])
        numbers = [n for each in records for n in range(each.number, each.number + len(each.ticks))]
        flags = [flag for each in records for flag in (each.flags, *[0] * (len(each.ticks) - 1))]
        ticks = [tick for each in records for tick in each.ticks]
        return Capture(*(np.array(values, dtype=np.int64) for values in (numbers, ticks, flags)))

    def _take_text(self, text: str) -> None:
        self.texts.append(text)
        if text.startswith("started: "):
            self.restarts += sum(each.startswith("started: ") for each in self.texts) > 1
        if text.startswith(_MARK) and not self.restarts:
            try:
                self._take_mark(*text.removeprefix(_MARK).split())
            except (TypeError, ValueError, IndexError):
                raise ProtocolError(f"text of the self-test: {text!r}") from None

    def _take_mark(self, kind: str, *words: str) -> None:
        if kind == "quiet":
            _, _, is_high = (int(word) for word in words[:3])
            edges = {number: count for number, count in map(_numbers, words[3:])}  # noqa: C416 (lists, not pairs)
            self.quiet = Quiet(bool(is_high), edges)
        elif kind == "step":
            rate_hz, from_tick, until_tick, pause_ms = (int(word) for word in words[:4])
            if rate_hz <= 0:
                raise ValueError
            numbers = {number: (first, end) for number, first, end in map(_numbers, words[4:])}
            self.steps.append(Step(rate_hz, from_tick, until_tick, pause_ms, numbers))
        elif kind == "end":
            self.is_ended = True


def _numbers(word: str) -> list[int]:
    return [int(part) for part in word.split(":")]
