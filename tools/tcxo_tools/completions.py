"""The shells' completions in host/completion/, from the parsers, by shtab.

``python -m tcxo_tools.completions`` renews them, ``--check`` only compares.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import shtab

from .commands import PARSERS
from .generated import renew_files

__all__ = ["FOLDER", "completions", "main"]

FOLDER = Path(__file__).resolve().parents[2] / "host" / "completion"
_FILE_NAMES = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}


def completions() -> dict[str, str]:
    """File name below ``FOLDER`` to the script, for every command and shell."""
    return {
        f"{shell}/{form.format(name)}": shtab.complete(build(), shell).rstrip("\n") + "\n"
        for shell, form in _FILE_NAMES.items()
        for name, build in PARSERS.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check the scripts."""
    return renew_files(
        argv, "python -m tcxo_tools.completions", "Renew the shells' completions.", FOLDER, completions()
    )


if __name__ == "__main__":
    sys.exit(main())
