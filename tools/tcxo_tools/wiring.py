"""The drawings in firmware/wiring/: what is wired to which pin, a picture a board, from the boards' data.

``python -m tcxo_tools.wiring`` renews them, ``--check`` only compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tcxo_host.flash.files import board_data, real_boards
from tcxo_host.pi.models import model_by_key

from .generated import renew_files

__all__ = ["FOLDER", "drawing", "main"]

FOLDER = Path(__file__).resolve().parents[2] / "firmware" / "wiring"

_WIDTH, _HEIGHT = 860, 560
_BOARD_X, _BOARD_WIDTH = 300, 220
_HEADER_X, _PITCH, _TOP = 650, 22, 90
_PWM = model_by_key("pi4").pin(12)
_GROUND_PIN = 34  # the ground beside it
_COLOURS = {
    "gps_pps": "#c0392b",
    "rtc_pps": "#8e44ad",
    "host_pwm": "#1f6fb2",
    "ground": "#333333",
    "usb": "#777777",
    "clock": "#b8860b",
    "ref_pps": "#1e8449",
}
_SOURCES = {"gps_pps": ("GPS receiver", "PPS", 110), "rtc_pps": ("RTC (optional)", "1 Hz out", 290)}


@dataclass(frozen=True, slots=True)
class _Point:
    x: int
    y: int


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check the drawings."""
    drawings = {f"{name}.svg": drawing(board_data(name)) for name in real_boards()}
    return renew_files(argv, "python -m tcxo_tools.wiring", "Renew the drawings.", FOLDER, drawings)


def drawing(board: Mapping[str, Any]) -> str:
    """The SVG for a board's data (a ``board_config.py``): sources left, board in the middle, Pi right."""
    pins = {each["role"]: each["pin"] for each in board["channels"] if each.get("enabled", True)}
    left = {role: _Point(_BOARD_X, 130 + 180 * row) for row, role in enumerate(_SOURCES)}
    pwm = _Point(_BOARD_X + _BOARD_WIDTH, 170)
    ground = _Point(_BOARD_X + _BOARD_WIDTH, 260)
    usb = _Point(_BOARD_X + _BOARD_WIDTH, 440)
    parts = [*_frame(str(board["name"])), *_board(str(board["name"])), *_header()]
    for role, (title, output, y) in _SOURCES.items():
        parts += _box(30, y - 40, 150, 110, title)
        parts += _wire(_Point(180, left[role].y), left[role], _COLOURS[role])
        parts += _wire(_Point(180, y + 50), _Point(_BOARD_X, y + 50), _COLOURS["ground"])
        parts += _label(172, left[role].y + 5, output, "end")
        parts += _label(172, y + 55, "GND", "end")
        parts += _label(_BOARD_X + 8, left[role].y + 5, str(pins[role]))
        parts += _label(_BOARD_X + 8, y + 55, "GND")
    if "clock" in board:
        clock = board["clock"]
        parts += _source_below(f"{clock['hz'] / 1e6:g} MHz module", "out", str(clock["pin"]), "clock")
    elif "ref_pps" in pins:
        parts += _source_below("steadier clock", "1 Hz out", str(pins["ref_pps"]), "ref_pps")
    parts += _label(pwm.x - 8, pwm.y + 5, str(pins["host_pwm"]), "end")
    parts += _label(ground.x - 8, ground.y + 5, "GND", "end")
    parts += _label(usb.x - 8, usb.y + 5, "USB", "end")
    parts += _pin_wire(pwm, 590, _header_point(_PWM.header), -1, _COLOURS["host_pwm"])
    parts += _pin_wire(ground, 560, _header_point(_GROUND_PIN), 1, _COLOURS["ground"])
    parts += _wire(_Point(_HEADER_X - 10, 545), usb, _COLOURS["usb"], bend=530, dashed=True)
    parts += _label(_HEADER_X, 550, "any USB port of the Pi")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _source_below(title: str, output: str, pin: str, kind: str) -> Iterator[str]:
    """A third source, under GPS and RTC; its ground is theirs."""
    y = 442
    yield from _box(30, 405, 150, 52, title)
    yield from _wire(_Point(180, y), _Point(_BOARD_X, y), _COLOURS[kind])
    yield from _label(172, y + 5, output, "end")
    yield from _label(_BOARD_X + 8, y + 5, pin)


def _frame(name: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" font-family="sans-serif" font-size="14">'
    )
    yield f"<title>Wiring of {escape(name)}</title>"
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    yield from _label(30, 30, "Every signal is 3.3 V. Not to scale; pins by name.", colour="#555555")


def _board(name: str) -> Iterator[str]:
    yield from _box(_BOARD_X, 70, _BOARD_WIDTH, 400, name)


def _header() -> Iterator[str]:
    """The Pi's 40 pins as one looks down on them, pin 1 on top, outer row right."""
    yield from _label(_HEADER_X - 10, 62, "Raspberry Pi 0 to 4, header")
    height = 20 * _PITCH + 8
    yield f'<rect x="{_HEADER_X - 14}" y="{_TOP - 15}" width="50" height="{height}" fill="#f3f3f3" stroke="#999"/>'
    named = {_PWM.header: f"{_PWM.header}: GPIO{_PWM.gpio}", _GROUND_PIN: f"{_GROUND_PIN}: GND"}
    for number in range(1, 41):
        point = _header_point(number)
        colour = _COLOURS["host_pwm"] if number == _PWM.header else "#bbbbbb"
        colour = _COLOURS["ground"] if number == _GROUND_PIN else colour
        yield f'<circle cx="{point.x}" cy="{point.y}" r="6" fill="{colour}"/>'
        if number in named:
            yield from _label(_HEADER_X + 44, point.y + 5, named[number])
    yield from _label(_HEADER_X + 44, _TOP + 5, "1, 2", colour="#888888")
    yield from _label(_HEADER_X + 44, _TOP + 19 * _PITCH + 5, "39, 40", colour="#888888")


def _header_point(number: int) -> _Point:
    row, column = divmod(number - 1, 2)
    return _Point(_HEADER_X + 22 * column, _TOP + _PITCH * row)


def _box(x: int, y: int, width: int, height: int, title: str) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#eef3f8" stroke="#557"/>'
    yield from _label(x + width // 2, y + 22, title, "middle", bold=True)


def _wire(start: _Point, end: _Point, colour: str, bend: int = 0, dashed: bool = False) -> Iterator[str]:
    way = f"H {bend} V {end.y} H {end.x}" if bend else f"L {end.x} {end.y}"
    dash = ' stroke-dasharray="6 5"' if dashed else ""
    yield f'<path d="M {start.x} {start.y} {way}" fill="none" stroke="{colour}" stroke-width="3"{dash}/>'


def _pin_wire(start: _Point, bend: int, pin: _Point, side: int, colour: str) -> Iterator[str]:
    """To a pin of the outer row, between two of the inner one: above (-1) or below (1) its own height."""
    y = pin.y + side * _PITCH // 2
    yield (
        f'<path d="M {start.x} {start.y} H {bend} V {y} H {pin.x} V {pin.y}" fill="none" stroke="{colour}"'
        ' stroke-width="3"/>'
    )


def _label(
    x: int, y: int, text: str, anchor: str = "start", *, bold: bool = False, colour: str = "#111111"
) -> Iterator[str]:
    weight = ' font-weight="bold"' if bold else ""
    yield f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(text)}</text>'


if __name__ == "__main__":
    sys.exit(main())
