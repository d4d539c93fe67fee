"""Self-contained web pages: one plot, or everything about a capture. No network, no files beside them."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...cli.html_page import page, table
from ...errors import TcxoError
from ...pi.chrony.logs import chrony_stats
from ..analyse.clock_pairs import deviations_of, longest_session_pairs
from ..analyse.deviations import CONFIDENCE, DEVIATIONS, summary_rows
from ..analyse.stats import capture_info, channel_stats
from ..text import duration, utc
from . import KINDS, draw
from .data import PlotData, Rows, periods_apart
from .style import save_bytes, without_heading

__all__ = ["plot_page", "report_page", "state_changes"]

LOG_LINES = 500


def plot_page(made: Any) -> str:
    """One plot as a page, headed with its title."""
    title = made.get_label()
    svg = save_bytes(without_heading(made), "svg").decode()
    return page(title, f"<h1>{html.escape(title)}</h1><figure id='plot'>{_inline(svg)}</figure>")


def report_page(data: PlotData, tell: Callable[[float, float], None] = lambda done, of: None) -> str:
    """Every plot the data allow, the statistics, and the log of states; ``tell`` hears how much of how much is done."""
    assert data.capture is not None
    info = capture_info(data.capture)
    boards = sorted({each["board"] for each in info["boards"]})
    title = ", ".join([*data.capture.hosts, *(f"board {each}" for each in boards)]) or "no board"
    span = f"{utc(info['first_utc_s'])} to {utc(info['last_utc_s'])}, {duration(info['span_s'])}"
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(span)}</p>", _summary(info)]
    parts += [f"<p class='warning'>{html.escape(each)}</p>" for each in periods_apart(data)]
    drawn = []
    for done, figure in enumerate(_figures(data), 1):
        drawn.append(figure)
        tell(done, len(KINDS) + 2)
    kinds = [*(kind for kind, _ in drawn), "stability", "statistics", "log"]
    parts.append(f"<nav>{' '.join(f'<a href=#{kind}>{kind}</a>' for kind in kinds)}</nav>")
    parts += [content for _, content in drawn]
    parts.append("<h2 id='stability'>Stability in numbers</h2>" + _stability(data))
    tell(len(KINDS) + 1, len(KINDS) + 2)
    parts.append("<h2 id='statistics'>Statistics</h2>" + _statistics(data))
    parts.append("<h2 id='log'>Log</h2>" + _log(data))
    return page(f"{title}, {span}", "\n".join(parts))


def state_changes(rows: Rows) -> list[tuple[float, str]]:
    """When the state changed, and to what."""
    changes = []
    last = None
    for utc_s, state, reason in zip(rows.utc_s, rows.state, rows.reason, strict=True):
        if state != last:
            changes.append((utc_s, f"state {state}{f': {reason}' if reason else ''}"))
        last = state
    return changes


def _figures(data: PlotData) -> Iterator[tuple[str, str]]:
    """Each kind with its heading, which is the figure's own, and the drawing."""
    for kind in KINDS:
        given = {"offsets": data.tracking, "gpsp": data.refclocks, "heat": data.heat}
        if kind in given and given[kind] is None:
            continue
        try:
            made = draw(kind, data)
            heading = f"<h2 id='{kind}'>{html.escape(made.get_label())}</h2>"
            svg = save_bytes(without_heading(made), "svg").decode()
            yield kind, f"{heading}<figure id='{kind}-plot'>{_inline(svg)}</figure>"
        except TcxoError as error:
            # a capture without GPS, say, still has the other plots
            name = html.escape(KINDS[kind][0].upper() + KINDS[kind][1:])
            yield kind, f"<h2 id='{kind}'>{name}</h2><p class='none'>{html.escape(str(error))}</p>"


def _summary(info: dict[str, Any]) -> str:
    rows: list[Sequence[object]] = [("board", "firmware", "boot", "counter", "time", "temperature")]
    for board in info["boards"]:
        heat = board["temperature_c"]
        rows.append(
            (
                board["board"],
                board["firmware"],
                board["boot_id"],
                f"{board['tick_hz'] / 1e6:g} MHz",
                duration(board["seconds"]),
                f"{heat['min']:.1f} to {heat['max']:.1f} °C" if heat else "-",
            )
        )
    counts = (
        f"{info['edges']} edges, {info['lost_edges']} lost; {info['frames']} frames, {info['lost_frames']} lost,"
        f" {info['bad_frames']} damaged; {info['resets']} board resets; {len(info['gaps'])} silences over 2 s"
    )
    return table(rows) + f"<p>{counts}</p>"


def _stability(data: PlotData) -> str:
    """The deviations that ``adev`` draws, and the others, as ``tcxo-dump stability`` prints them."""
    assert data.capture is not None
    try:
        pairs = longest_session_pairs(data.capture, "stability")
        found = deviations_of(pairs, DEVIATIONS, CONFIDENCE)
    except TcxoError as error:
        return f"<p class='none'>{html.escape(str(error))}</p>"
    return "".join(
        f"<h3>{html.escape(name)}</h3>{table(summary_rows(found[name], CONFIDENCE * 100))}" for name in pairs
    )


def _statistics(data: PlotData) -> str:
    assert data.capture is not None
    keys = ("mean", "std", "min", "p1", "p25", "p50", "p75", "p99", "max")
    rows: list[Sequence[object]] = [("clock", "ppm of", "n", *keys)]
    counts: list[Sequence[object]] = [
        ("channel", "edges", "lost", "missed", "doubled", "outliers", "duplicates")
    ]
    for role, each in channel_stats(data.capture).items():
        counts.append((role, *(each[name] for name in counts[0][1:])))
        for kind in ("raw", "avg64"):
            if each[kind]:
                numbers = (f"{each[kind][f'{key}_ppm']:+.{each['digits'][kind]}f}" for key in keys)
                rows.append((each["clock"], kind, each[kind]["n"], *numbers))
    return table(rows) + table(counts) + _chrony_tables(data)


def _chrony_tables(data: PlotData) -> str:
    figures = chrony_stats(data.tracking, data.tempcomp, data.without)
    rows: list[Sequence[object]] = [("", "n", "mean", "std", "min", "max")]
    for name, label in (("own_correction_ppm", "chrony's own"), ("tempcomp_ppm", "tempcomp")):
        if name in figures:
            each = figures[name]
            rows.append((label, each["n"], *(f"{each[key]:+.4f}" for key in ("mean", "std", "min", "max"))))
    offsets: list[Sequence[object]] = [("compensation", "n", "1 %", "25 %", "50 %", "75 %", "99 %")]
    for name, each in figures.get("offset_ns", {}).items():
        if each:
            marks = (f"{each[mark]:+.0f}" for mark in ("p1", "p25", "p50", "p75", "p99"))
            offsets.append((name, each["n"], *marks))
    headed = (("Frequency correction, ppm (+ makes the clock faster)", rows), ("Clock offset, ns", offsets))
    return "".join(
        f"<h3>{html.escape(name)}</h3>{table(rows_of)}" for name, rows_of in headed if len(rows_of) > 1
    )


def _log(data: PlotData) -> str:
    assert data.capture is not None
    lines = sorted(data.capture.log + (state_changes(data.rows) if data.rows else []))
    rows: list[Sequence[object]] = [
        ("time", "event"),
        *((utc(at), text) for at, text in lines[:LOG_LINES]),
    ]
    more = f"<p class='none'>and {len(lines) - LOG_LINES} lines more</p>" if len(lines) > LOG_LINES else ""
    return table(rows) + more


def _inline(svg: str) -> str:
    """The drawing without its XML prologue, which HTML does not know."""
    return svg[svg.index("<svg") :]
