"""A comparison as a table for the terminal and as a page. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..html_page import page, table
from .blocks import Block
from .effect import PERCENTILES, Comparison

__all__ = ["as_page", "as_text", "verdict_text"]

COLOURS = {"on": "#0072B2", "held": "#D55E00"}
NAMES = {"on": "with compensation", "held": "without (held)"}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 960, 300, 80, 30


def verdict_text(found: Comparison) -> str:
    """One sentence."""
    if found.verdict == "too-few" or found.ratio is None:
        return f"{found.pairs} pairs of blocks with samples: too few to say anything"
    interval = f"95 % interval {found.ratio_low:.2f} to {found.ratio_high:.2f}"
    if found.verdict == "helps":
        return f"compensation helps: without it {found.ratio:.2f} times as large ({interval})"
    if found.verdict == "harms":
        return f"compensation harms: without it only {found.ratio:.2f} times as large ({interval})"
    return f"no difference seen: without it {found.ratio:.2f} times as large ({interval})"


def as_text(found: Sequence[Comparison], blocks: Sequence[Block], settle_s: float) -> str:
    """Within 80 columns."""
    lost = [each for each in blocks if each.problem]
    lines = [
        f"{len(blocks)} blocks from {_utc(blocks[0].start_utc_s)} to {_utc(blocks[-1].end_utc_s)} UTC,",
        f"the first {settle_s / 60:g} min of each left out; {len(lost)} do not count",
        *(f"  {_utc(each.start_utc_s)}  {each.arm:4}  {each.problem}" for each in lost[:5]),
        "",
        f"{'RMS':22}{'pairs':>6}{'with':>11}{'without':>11}{'without/with, 95 %':>26}",
    ]
    lines += [_row(each) for each in found]
    first = found[0]
    if first.percentiles:
        heads = "".join(f"{mark:>10} %" for mark in PERCENTILES)
        lines += ["", f"{first.name + ', ' + first.unit:20}{heads}"]
        for arm, marks in first.percentiles.items():
            lines.append(
                f"{NAMES[arm]:20}" + "".join(f"{marks[f'p{mark}'][0]:>+12.3g}" for mark in PERCENTILES)
            )
    return "\n".join([*lines, "", f"{first.name}: {verdict_text(first)}"])


def as_page(found: Sequence[Comparison], blocks: Sequence[Block], settle_s: float) -> str:
    """Verdicts, blocks over time and percentiles with their intervals, for each quantity."""
    title = f"Compensation on against held, {_utc(blocks[0].start_utc_s)} to {_utc(blocks[-1].end_utc_s)} UTC"
    lost = [each for each in blocks if each.problem]
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{len(blocks)} blocks, in pairs in random order; the first {settle_s / 60:g} min of each are left out."
        " Intervals hold in 95 of 100 cases (for the outermost percentiles in some 85); the blocks are what is counted,"
        " not the samples. Offsets are as chrony sees them itself: on simulated clocks the true ones differed by a"
        " factor of 6 where these did by 10, and neither differed where the crystal was at rest.</p>",
    ]
    for each in found:
        parts.append(f"<h2>{html.escape(each.name)}</h2><p>{html.escape(verdict_text(each))}</p>")
        if len(each.blocks) > 1:
            parts.append(f"<figure>{_blocks_svg(each)}</figure>")
        if each.percentiles:
            parts.append(_percentile_table(each))
    if lost:
        rows = [("block", "", "why it does not count")]
        rows += [(_utc(each.start_utc_s), each.arm, each.problem) for each in lost]
        parts.append("<h2>Blocks that do not count</h2>" + table(rows))
    return page(title, "\n".join(parts))


def _row(each: Comparison) -> str:
    name = f"{each.name}, {each.unit}"[:22]
    if each.on_rms is None or each.held_rms is None:
        return f"{name:22}{each.pairs:>6}{'-':>11}{'-':>11}{'-':>26}"
    interval = "too few blocks"
    if each.ratio is not None:
        interval = f"{each.ratio:.2f} ({each.ratio_low:.2f} to {each.ratio_high:.2f})"
    return f"{name:22}{each.pairs:>6}{each.on_rms:>11.3g}{each.held_rms:>11.3g}{interval:>26}"


def _percentile_table(each: Comparison) -> str:
    rows = [(f"{each.name}, {each.unit}", *(f"{mark} %" for mark in PERCENTILES))]
    for arm, marks in each.percentiles.items():
        cells = (marks[f"p{mark}"] for mark in PERCENTILES)
        rows.append(
            (NAMES[arm], *(f"{value:+.3g} ({low:+.3g} to {high:+.3g})" for value, low, high in cells))
        )
    return table(rows)


def _blocks_svg(each: Comparison) -> str:
    """The RMS of each block over time, on a logarithmic scale."""
    times, sizes = [at for at, *_ in each.blocks], [rms for *_, rms in each.blocks if rms > 0]
    if not sizes:
        return ""
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)) + 1e-9)
    span_s, decades = (times[-1] - times[0]) or 1.0, (high - low) or 1

    def x(at: float) -> float:
        return _LEFT + 10 + (at - times[0]) / span_s * (_WIDTH - _LEFT - 30)

    def y(rms: float) -> float:
        return 30 + (high - math.log10(rms)) / decades * (_HEIGHT - 30 - _BOTTOM)

    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="12">']
    for power in range(low, high + 1):
        level = y(10.0**power)
        drawn.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{level:.1f}" y2="{level:.1f}" stroke="#d9d9d9"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for number, (arm, name) in enumerate(NAMES.items()):
        drawn.append(f'<circle cx="{_LEFT + 8 + 170 * number}" cy="12" r="5" fill="{COLOURS[arm]}"/>')
        drawn.append(f'<text x="{_LEFT + 18 + 170 * number}" y="16">{name}</text>')
    unit = html.escape(f"RMS of a block, {each.unit}")
    drawn.append(f'<text x="{_WIDTH}" y="16" text-anchor="end">{unit}</text>')
    drawn += [
        f'<circle cx="{x(at):.1f}" cy="{y(rms):.1f}" r="5" fill="{COLOURS[arm]}"/>'
        for at, arm, rms in each.blocks
        if rms > 0
    ]
    for at, anchor in ((times[0], "start"), (times[-1], "end")):
        drawn.append(f'<text x="{x(at):.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{_utc(at)}</text>')
    return "".join([*drawn, "</svg>"])


def _utc(utc_s: float) -> str:
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d %H:%M}"
