"""Two real MicroPythons to run a script in: the unix port, and one whose small integers have 31 bits.

The unix port (PyPI, x86-64) has 63-bit small integers and native code; MicroPython in WebAssembly (npm,
under node) has 31-bit ones like the board, so what would allocate there allocates here too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tcxo_firmware import BOARDS_DIR, DEVICE_DIR, DEVICE_FILES
from tcxo_firmware.simprocess import find_vm

SCRIPTS = Path(__file__).parents[1] / "firmware" / "vm"
_CACHE = Path(__file__).parents[2] / ".cache" / "npm"
_PACKAGE = "@micropython/micropython-webassembly-pyscript"
_SIM_DIR = DEVICE_DIR.parent / "sim"
_PATIENCE_S = 120


def leave_out(what: str) -> None:
    """Skip the test, or with CI=true fail it: there nothing may be left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def run_unix(script: str, *arguments: str) -> str:
    """Run ``vm/SCRIPT`` in the unix port with the device files on its path; its output."""
    name, command = find_vm()
    if not name.startswith("MicroPython"):
        leave_out("no MicroPython for this machine: pip has it for x86-64, else put micropython on PATH")
    path = ":".join(map(str, (DEVICE_DIR, BOARDS_DIR / "SIM", _SIM_DIR, SCRIPTS)))
    done = subprocess.run(
        [*command, str(SCRIPTS / script), *arguments],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_31bit(script: str, *files: Path) -> str:
    """Run ``vm/SCRIPT`` where small integers have 31 bits, ``files`` in its current folder; its output."""
    node = shutil.which("node")
    if node is None:
        leave_out("node is not installed: needed for the MicroPython with 31-bit integers")
    assert node is not None
    mounted = {f"/device/{name}": str(DEVICE_DIR / name) for name in DEVICE_FILES}
    for source in (*_SIM_DIR.glob("*.py"), *SCRIPTS.glob("*.py"), *files, BOARDS_DIR / "SIM/board_config.py"):
        mounted[f"/{source.name}"] = str(source)
    done = subprocess.run(
        [node, str(SCRIPTS / "run31.mjs"), str(_installed_package()), script, json.dumps(mounted)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _installed_package() -> Path:
    module = _CACHE / "node_modules" / _PACKAGE / "micropython.mjs"
    if not module.exists():
        npm = shutil.which("npm")
        if npm is None:
            leave_out("npm is not installed: needed for the MicroPython with 31-bit integers")
        assert npm is not None
        _CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--no-fund", "--no-audit", "--prefix", str(_CACHE), _PACKAGE],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        if done.returncode != 0 or not module.exists():
            leave_out(f"npm cannot install {_PACKAGE}: {done.stderr.strip()[-300:]}")
    return module
