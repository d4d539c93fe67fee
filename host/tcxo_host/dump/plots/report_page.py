"""Self-contained web pages: one plot, or everything about a capture. No network, no files beside them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...errors import TcxoError
from ...pi.chrony.logs import chrony_stats
from ..analyse.clock_pairs import deviations_of, longest_session_pairs
from ..analyse.deviations import CONFIDENCE, DEVIATIONS, summary_rows
from ..analyse.stats import capture_info, channel_stats
from ..text import duration, is_number, utc
from . import KINDS, draw
from .data import PlotData, Rows, periods_apart
from .style import save_bytes, without_heading

__all__ = ["plot_page", "report_page", "state_changes"]

LOG_LINES = 500

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #ddd}h3{font-size:1em;margin-bottom:0}
.scroll,figure{overflow-x:auto}
table{border-collapse:collapse;font-size:.9em;margin:.8em 0;font-variant-numeric:tabular-nums}
td,th{padding:.15em .7em;text-align:left;vertical-align:top;background:#fff}th{border-bottom:1px solid #999}
.n{text-align:right;white-space:nowrap}tr:nth-child(odd) td{background:#f6f6f6}
td:first-child{white-space:nowrap}td:first-child,th:first-child{position:sticky;left:0}
figure{margin:0 0 1em}figure svg{width:100%;min-width:640px;height:auto;cursor:zoom-in}
figure.wide{width:96vw;margin-left:calc(50% - 48vw)}
nav a{margin-right:1em}.none{color:#777}.warning{border-left:4px solid #D55E00;padding-left:.8em}
@media(max-width:600px){body{margin:1em auto;padding:0 .6em}td,th{padding:.15em .4em}table{font-size:.8em}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Browsers then refuse whatever would go to the network."""
_SCRIPT = """
for (const figure of document.querySelectorAll("figure"))
  figure.addEventListener("click", () => figure.classList.toggle("wide"));
"""


def plot_page(made: Any) -> str:
    """One plot as a page, headed with its title."""
    title = made.get_label()
    svg = save_bytes(without_heading(made), "svg").decode()
    return _page(title, f"<h1>{html.escape(title)}</h1><figure id='plot'>{_inline(svg)}</figure>")


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
    return _page(f"{title}, {span}", "\n".join(parts))


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
        if (kind == "offsets" and data.tracking is None) or (kind == "gpsp" and data.refclocks is None):
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
    return _table(rows) + f"<p>{counts}</p>"


def _stability(data: PlotData) -> str:
    """The deviations that ``adev`` draws, and the others, as ``tcxo-dump stability`` prints them."""
    assert data.capture is not None
    try:
        pairs = longest_session_pairs(data.capture, "stability")
        found = deviations_of(pairs, DEVIATIONS, CONFIDENCE)
    except TcxoError as error:
        return f"<p class='none'>{html.escape(str(error))}</p>"
    return "".join(
        f"<h3>{html.escape(name)}</h3>{_table(summary_rows(found[name], CONFIDENCE * 100))}" for name in pairs
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
    return _table(rows) + _table(counts) + _chrony_tables(data)


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
    return "".join(f"<h3>{html.escape(name)}</h3>{_table(table)}" for name, table in headed if len(table) > 1)


def _log(data: PlotData) -> str:
    assert data.capture is not None
    lines = sorted(data.capture.log + (state_changes(data.rows) if data.rows else []))
    rows: list[Sequence[object]] = [
        ("time", "event"),
        *((utc(at), text) for at, text in lines[:LOG_LINES]),
    ]
    more = f"<p class='none'>and {len(lines) - LOG_LINES} lines more</p>" if len(lines) > LOG_LINES else ""
    return _table(rows) + more


def _table(rows: Sequence[Sequence[object]]) -> str:
    """Columns of numbers to the right, others to the left; wider than the page, it scrolls by itself."""
    columns = range(len(rows[0]))
    right = [len(rows) > 1 and all(is_number(str(row[column])) for row in rows[1:]) for column in columns]

    def line(tag: str, row: Sequence[object]) -> str:
        cells = (
            f"<{tag}{' class=n' if right[column] else ''}>{html.escape(str(row[column]))}</{tag}>"
            for column in columns
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows[1:])
    return f"<div class='scroll'><table>{line('th', rows[0])}{body}</table></div>"


def _inline(svg: str) -> str:
    """The drawing without its XML prologue, which HTML does not know."""
    return svg[svg.index("<svg") :]


def _page(title: str, body: str) -> str:
    # ids of one drawing must not meet those of another on the page
    parts = body.split("<figure")
    body = "<figure".join(
        part if n == 0 else re.sub(r'(id="|url\(#|href="#)', rf"\g<1>f{n}-", part)
        for n, part in enumerate(parts)
    )
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>{body}"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
