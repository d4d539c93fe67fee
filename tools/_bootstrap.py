"""What demo, test and bench share: a virtual environment beside the sources, made when needed.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"


def prepare(extras: str) -> None:
    """Make ``.venv`` and install the project into it, editable, with these extras; quick when done before."""
    if sys.version_info < (3, 11):  # noqa: UP036 - a user's Python may be older than the project's
        sys.exit(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed")
    stamp = VENV / f".installed-{extras.replace(',', '-') or 'plain'}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not (BIN / "python").exists():
        _step(
            "making .venv", [sys.executable, "-m", "venv", str(VENV)], "on Debian: apt install python3-venv"
        )
    target = f"{ROOT}[{extras}]" if extras else str(ROOT)
    install = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--editable", target]
    _step("installing the project and what it needs", install, "is the package index reachable?")
    stamp.write_text(wanted)


def run(*command: str) -> int:
    """Run a command of the virtual environment in the foreground; return its exit status."""
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment()).returncode


def environment() -> dict[str, str]:
    """The environment with the virtual environment's commands first on PATH."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def _step(what: str, command: list[str], remedy: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        sys.exit(f"{what} failed: {remedy}")
