"""Files in the repository that are generated, whole or in parts: renewing them, and reporting when they are stale."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["renew_file", "renew_files", "renewed"]


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
    is_check = _only_check(argv, program, description)
    old = path.read_text(encoding="utf8") if path.exists() else ""
    return _renew({path: new_text(old)}, program, is_check)


def renew_files(
    argv: Sequence[str] | None, program: str, description: str, folder: Path, contents: Mapping[str, str]
) -> int:
    """As ``renew_file``, for a ``folder`` of nothing but generated files: ``contents`` by name."""
    is_check = _only_check(argv, program, description)
    wanted = {folder / name: text for name, text in contents.items()}
    strays = sorted(path for path in folder.rglob("*") if path.is_file() and path not in wanted)
    if strays and is_check:
        print(f"{strays[0].name} is not generated any more: run {program}", file=sys.stderr)
        return 1
    for path in strays:
        path.unlink()
    return _renew(wanted, program, is_check)


def _only_check(argv: Sequence[str] | None, program: str, description: str) -> bool:
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument(
        "--check", action="store_true", help="only say whether it is stale; exit 1 when it is"
    )
    return bool(parser.parse_args(argv).check)


def _renew(wanted: Mapping[Path, str], program: str, is_check: bool) -> int:
    status = 0
    for path, new in wanted.items():
        if is_check and new != (path.read_text(encoding="utf8") if path.exists() else ""):
            print(f"{path.name} is stale: run {program}", file=sys.stderr)
            status = 1
        elif not is_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new, encoding="utf8")
    return status
