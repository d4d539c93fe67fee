"""Files in the repository that are generated, whole or in parts: renewing them, and reporting when they are stale."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["renew_file", "renewed"]


def renewed(text: str, name: str, content: str) -> str:
    """``text`` with the part marked ``name`` replaced. Raises ValueError where there is not just one."""
    pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
    text, found = re.subn(
        pattern, lambda match: f"{match[1]}\n{content}\n\n{match[2]}", text, flags=re.DOTALL
    )
    if found != 1:
        raise ValueError(f"expected one part marked '<!-- generated: {name} -->', found {found}")
    return text


def renew_file(
    argv: Sequence[str] | None, program: str, description: str, path: Path, new_text: Callable[[str], str]
) -> int:
    """The whole command: rewrite ``path`` with what ``new_text`` makes of its content (a missing file: an empty text).

    With ``--check`` only say whether it is stale. Returns the exit status.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument(
        "--check", action="store_true", help="only say whether it is stale; exit 1 when it is"
    )
    args = parser.parse_args(argv)
    old = path.read_text(encoding="utf8") if path.exists() else ""
    new = new_text(old)
    if not args.check:
        path.write_text(new, encoding="utf8")
    elif new != old:
        print(f"{path.name} is stale: run {program}", file=sys.stderr)
        return 1
    return 0
