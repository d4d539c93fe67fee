"""Self-contained web pages: no network, no files beside them. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

__all__ = ["is_number", "page", "table"]

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


def page(title: str, body: str) -> str:
    """A whole page. Drawings stand in ``<figure>``; a click makes one as wide as the window."""
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


def table(rows: Sequence[Sequence[object]]) -> str:
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


def is_number(cell: str) -> bool:
    """Whether a cell goes with numbers: to the right."""
    return not cell or cell[0] in "+-.0123456789" or cell == "nan"
