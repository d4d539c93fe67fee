"""Writes the generated parts of firmware/README.md: boards from their folders, sizes from mpy-cross, the I2C figure.

``python -m tcxo_tools.firmware_doc`` rewrites the file, ``--check`` only says whether it is stale.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

from tcxo_firmware import BOARDS_DIR
from tcxo_host.flash.files import board_data, files_for, real_boards

from . import i2c_cost
from .generated import renew_file, renewed

__all__ = ["DOCUMENT", "boards", "compiled_sizes", "document", "main", "sizes"]

DOCUMENT = Path(__file__).resolve().parents[2] / "firmware" / "README.md"


def boards() -> str:
    """A section a board: its folder's description, and its channels."""
    return "\n\n".join(_board(name) for name in real_boards())


def _board(name: str) -> str:
    source = (BOARDS_DIR / name / "board_config.py").read_text(encoding="utf8")
    about = ast.get_docstring(ast.parse(source)) or ""
    data = board_data(name)
    rows = ["| TIM2 channel | signal | pin | edge | rate |", "| --- | --- | --- | --- | --- |"]
    for channel in data["channels"]:
        off = "" if channel.get("enabled", True) else " (off)"
        rate_hz = channel["rate_mhz"] / 1000
        rows.append(
            f"| {channel['id']} | `{channel['role']}`{off} | {channel['pin']} | {channel['edge']} | {rate_hz:g} Hz |"
        )
    address = f"I2C address 0x{data['i2c']['address']:02x} on bus {data['i2c']['bus']}"
    facts = f"Ticks: {data['tick_hz'] / 1e6:g} MHz, {1e9 / data['tick_hz']:.1f} ns. {address}."
    if "clock" in data:
        clock = data["clock"]
        facts += (
            f" Clock from outside: {clock['hz'] / 1e6:g} MHz on {clock['pin']}, divided by {clock['divide']}."
        )
    if "variant_of" in data:
        facts += f" Installed with `tcxo-flash --board {name}`, on a `{data['variant_of']}`."
    drawing = f"![Wiring of {name}](wiring/{name}.svg)"
    return "\n\n".join([f"### `{name}`", about, facts, "\n".join(rows), drawing])


def compiled_sizes() -> dict[str, int]:
    """Bytes of every module as mpy-cross compiles it for a Cortex-M4F."""
    files = files_for("PYBV11", compiled=True)
    return {file.path: len(file.data) for file in files if file.path.endswith(".mpy")}


def sizes() -> str:
    """The table of compiled sizes."""
    bytes_of = compiled_sizes()
    rows = ["| module | bytes |", "| --- | ---: |"]
    rows += [f"| `{path}` | {size} |" for path, size in bytes_of.items()]
    return "\n".join([*rows, f"| all | {sum(bytes_of.values())} |"])


def document(text: str) -> str:
    """``text`` with every generated part renewed."""
    text = renewed(text, "boards", boards())
    text = renewed(text, "sizes", sizes())
    return renewed(text, "i2c", f"Measured on the simulated board: {i2c_cost.summary()}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check firmware/README.md."""
    return renew_file(
        argv,
        "python -m tcxo_tools.firmware_doc",
        "Renew the generated parts of firmware/README.md.",
        DOCUMENT,
        document,
    )


if __name__ == "__main__":
    sys.exit(main())
