"""What ``status --watch`` draws, cut to any size of a terminal: rows, graphs with their scale, keys. Pure."""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .status_view import CLOCKS, Line, span_text

__all__ = ["WINDOWS_S", "History", "bars", "screen"]

WINDOWS_S = (60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600)
"""What a graph may span; the keys go through these."""
_LABEL = 11
_TALLEST = 10
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_GAP_S = 3.0
"""A status comes each second; where none came for longer the graph has a gap."""
_IMPORTANT = (
    "state",
    "published",
    "truth",
    *CLOCKS,
    "chrony",
    "metrics",
    "gps_pps",
    "host_pwm",
    "rtc_pps",
    "phase",
    "frames",
)
"""Where not every row fits, those stay that come first here."""


class History:
    """The clocks' errors in ppm since the watch began, the last ``LONGEST`` of them."""

    LONGEST = WINDOWS_S[-1]

    def __init__(self) -> None:
        self._samples: deque[tuple[float, tuple[float | None, ...]]] = deque(maxlen=self.LONGEST)

    def add(self, status: Mapping[str, Any]) -> None:
        """Take a status; one of a second that is known already, or of none, is left out, as is what is no number."""
        host_ns = status["host_ns"]
        if not isinstance(host_ns, int) or host_ns >= 1 << 63:
            return
        now_s = host_ns * 1e-9
        if self._samples and now_s <= self._samples[-1][0]:
            if now_s == self._samples[-1][0]:
                return
            self._samples.clear()  # the machine was restarted
        self._samples.append((now_s, tuple(_finite(status[ppm]) for ppm, _ in CLOCKS.values())))

    def span_s(self, now_s: float) -> float:
        """How far back it goes."""
        return now_s - self._samples[0][0] if self._samples else 0.0

    def columns(self, clock: str, now_s: float, window_s: float, width: int) -> list[float | None]:
        """The mean in each of ``width`` parts of the window that ends now; None where nothing was measured."""
        which, width_s = list(CLOCKS).index(clock), window_s / width
        sums, counts = [0.0] * width, [0] * width
        for at_s, values in reversed(self._samples):
            column = width - 1 - int((now_s - at_s) / width_s)
            if column < 0:
                break
            value = values[which]
            if value is not None and column < width:
                sums[column] += value
                counts[column] += 1
        found = [total / count if count else None for total, count in zip(sums, counts, strict=True)]
        last = None
        for column, value in enumerate(found):
            if value is not None:
                last = column
            elif last is not None and (column - last) * width_s <= _GAP_S:
                found[column] = found[last]
        return found


def _finite(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and abs(value) < 1e9 else None


def bars(columns: Sequence[float | None], rows: int) -> list[str]:
    """``rows`` lines of blocks, scaled to the columns' own range; a steady value is drawn in the middle."""
    known = [each for each in columns if each is not None]
    if not known:
        return [" " * len(columns)] * rows
    low, span, steps = min(known), max(known) - min(known), 8 * rows - 1
    heights = [
        0 if each is None else 1 + (round((each - low) / span * steps) if span else steps // 2)
        for each in columns
    ]
    return [
        "".join(_EIGHTHS[min(8, max(0, height - 8 * row))] for height in heights)
        for row in range(rows - 1, -1, -1)
    ]


@dataclass(frozen=True, slots=True)
class _Block:
    """A row and the graph below it."""

    line: Line
    text: tuple[str, ...]
    columns: tuple[float | None, ...] = ()

    def drawn(self, graph_rows: int) -> list[Line]:
        rows = [Line(self.line.label, self.text[0], self.line.level)]
        rows += [Line("", each, self.line.level) for each in self.text[1:]]
        known = [each for each in self.columns if each is not None]
        if graph_rows and known:
            graph = bars(self.columns, graph_rows)
            scale = [""] * graph_rows
            if graph_rows > 1:
                scale[0], scale[-1] = f"{max(known):+.5f}", f"{min(known):+.5f}"
            rows += [Line(label, row, "graph") for label, row in zip(scale, graph, strict=True)]
        return rows


def screen(
    lines: Sequence[Line],
    history: History,
    *,
    now_s: float,
    window_s: float,
    width: int,
    height: int | None,
    has_keys: bool,
) -> list[Line]:
    """The rows of a screen of ``width`` and ``height``, the keys last; ``height`` None: for paper, without graphs.

    Rows are wrapped where there is room, else cut (with a "…"), else left out, which the last row then says.
    """
    inside = max(1, width - _LABEL)
    shown = history if height is not None else History()
    blocks = [_block(line, shown, now_s, window_s, inside) for line in lines]
    room = None if height is None else max(1, height - 1)
    missing = 0
    if room is not None and sum(len(each.text) for each in blocks) > room:
        blocks = [_Block(each.line, (_cut(each.line.text, inside),), each.columns) for each in blocks]
        missing = max(0, len(blocks) - room)
        kept = sorted(range(len(blocks)), key=lambda index: _rank(blocks[index].line.label))[
            : len(blocks) - missing
        ]
        blocks = [blocks[index] for index in sorted(kept)]
    graphs = sum(any(each is not None for each in block.columns) for block in blocks)
    spare = 0 if room is None else room - sum(len(each.text) for each in blocks)
    rows_each = min(_TALLEST, spare // graphs) if graphs else 0
    drawn = [row for block in blocks for row in block.drawn(rows_each)]
    if room is None:
        return drawn
    drawn += [Line("", "")] * (room - len(drawn))
    return [*drawn, Line("", _footer(history.span_s(now_s), window_s, missing, width, has_keys), "keys")]


def _block(line: Line, history: History, now_s: float, window_s: float, inside: int) -> _Block:
    columns: tuple[float | None, ...] = ()
    text = line.text
    if line.label in CLOCKS:
        columns = tuple(history.columns(line.label, now_s, window_s, inside))
        known = [each for each in columns if each is not None]
        if known:
            text += f"   (graph {min(known):+.5f} to {max(known):+.5f} ppm)"
    return _Block(line, tuple(textwrap.wrap(text, inside) or [""]), columns)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _rank(label: str) -> int:
    return _IMPORTANT.index(label) if label in _IMPORTANT else len(_IMPORTANT)


def _footer(known_s: float, window_s: float, missing: int, width: int, has_keys: bool) -> str:
    """What fits of: how to end, the window, what is not shown; what is not shown comes first."""
    parts = [f"{missing} rows do not fit"] if missing else []
    parts += ["q ends" if has_keys else "Ctrl-C ends"]
    parts += [f"{'←→ ' if has_keys else ''}window {span_text(window_s)}"]
    if 0 < known_s < window_s:
        parts += [f"known for {span_text(known_s)}"]
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return _cut("  ".join(parts), width)
