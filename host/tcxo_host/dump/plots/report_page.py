"""Self-contained web pages: one plot, or everything about a capture. No network, no files beside them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import TcxoError
from ...pi.chrony.logs import chrony_stats
from ..analyse.stats import capture_info, channel_stats
from ..text import duration, utc
from . import KINDS, draw
from .data import PlotData, Rows
from .style import save_bytes

__all__ = ["plot_page", "report_page", "state_changes"]

LOG_LINES = 500

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #ddd}
table{border-collapse:collapse;font-size:.9em;margin:.8em 0}td,th{padding:.15em .8em;text-align:right}
th{border-bottom:1px solid #999}td:first-child,th:first-child{text-align:left}
td.t{text-align:left}tr:nth-child(even) td{background:#f6f6f6}
figure{margin:0 0 1em}figure svg{width:100%;height:auto;cursor:zoom-in}
figure.wide{width:96vw;margin-left:calc(50% - 48vw)}
nav a{margin-right:1em}.none{color:#777}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Browsers then refuse whatever would go to the network."""
_SCRIPT = """
for (const figure of document.querySelectorAll("figure"))
  figure.addEventListener("click", () => figure.classList.toggle("wide"));
"""


def plot_page(kind: str, svg: str) -> str:
    """One plot as a page."""
    return _page(kind, f"<figure id='{kind}'>{_inline(svg)}</figure>")


def report_page(data: PlotData) -> str:
    """Every plot the data allow, the statistics, and the log of states."""
    assert data.capture is not None
    info = capture_info(data.capture)
    title = f"{utc(info['first_utc_s'])} to {utc(info['last_utc_s'])}, {duration(info['span_s'])}"
    parts = [f"<h1>{html.escape(title)}</h1>", _summary(info)]
    drawn = list(_figures(data))
    links = " ".join(f"<a href='#{kind}'>{kind}</a>" for kind, _ in drawn)
    parts.append(f"<nav>{links} <a href='#statistics'>statistics</a> <a href='#log'>log</a></nav>")
    parts += [
        f"<h2>{html.escape(KINDS[kind][0].upper() + KINDS[kind][1:])}</h2>{content}"
        for kind, content in drawn
    ]
    parts.append("<h2 id='statistics'>Statistics</h2>" + _statistics(data))
    parts.append("<h2 id='log'>Log</h2>" + _log(data))
    return _page(title, "\n".join(parts))


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
    for kind in KINDS:
        if (kind == "offsets" and data.tracking is None) or (kind == "gpsp" and data.refclocks is None):
            continue
        try:
            svg = save_bytes(draw(kind, data), "svg").decode()
            yield kind, f"<figure id='{kind}'>{_inline(svg)}</figure>"
        except TcxoError as error:
            # a capture without GPS, say, still has the other plots
            yield kind, f"<p class='none' id='{kind}'>{html.escape(str(error))}</p>"


def _summary(info: dict[str, Any]) -> str:
    rows = [("board", "firmware", "boot", "counter", "time", "temperature")]
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


def _statistics(data: PlotData) -> str:
    assert data.capture is not None
    keys = ("mean", "std", "min", "p1", "p25", "p50", "p75", "p99", "max")
    rows: list[Sequence[str]] = [("clock, ppm", "", "n", *keys)]
    counts: list[Sequence[str]] = [
        ("channel", "edges", "lost", "missed", "doubled", "outliers", "duplicates")
    ]
    for role, each in channel_stats(data.capture).items():
        counts.append((role, *(str(each[name]) for name in counts[0][1:])))
        for kind in ("raw", "avg64"):
            if each[kind]:
                numbers = (f"{each[kind][f'{key}_ppm']:+.4f}" for key in keys)
                rows.append((each["clock"], kind, str(each[kind]["n"]), *numbers))
    return _table(rows) + _table(counts) + _chrony_tables(data)


def _chrony_tables(data: PlotData) -> str:
    figures = chrony_stats(data.tracking, data.tempcomp, data.without)
    rows: list[Sequence[str]] = [("frequency correction, ppm", "n", "mean", "std", "min", "max")]
    for name, label in (("tracking_ppm", "chrony's own"), ("tempcomp_ppm", "tempcomp")):
        if name in figures:
            each = figures[name]
            rows.append(
                (label, str(each["n"]), *(f"{each[key]:+.4f}" for key in ("mean", "std", "min", "max")))
            )
    offsets: list[Sequence[str]] = [("clock offset, ns", "n", "1 %", "25 %", "50 %", "75 %", "99 %")]
    for name, each in figures.get("offset_ns", {}).items():
        if each:
            marks = (f"{each[mark]:+.0f}" for mark in ("p1", "p25", "p50", "p75", "p99"))
            offsets.append((f"{name} compensation", str(each["n"]), *marks))
    return "".join(_table(table) for table in (rows, offsets) if len(table) > 1)


def _log(data: PlotData) -> str:
    assert data.capture is not None
    lines = sorted(data.capture.log + (state_changes(data.rows) if data.rows else []))
    rows: list[Sequence[str]] = [("time", "event"), *((utc(at), text) for at, text in lines[:LOG_LINES])]
    more = f"<p class='none'>and {len(lines) - LOG_LINES} lines more</p>" if len(lines) > LOG_LINES else ""
    return _table(rows, text=True) + more


def _table(rows: Sequence[Sequence[str]], *, text: bool = False) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    kind = " class='t'" if text else ""
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


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
