"""Data goes one way, and so do imports; importing the daemon pulls in nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "tcxo_protocol": ROOT / "protocol/tcxo_protocol",
    "tcxo_firmware": ROOT / "firmware/tcxo_firmware",
    "tcxo_host": ROOT / "host/tcxo_host",
    "tcxo_tools": ROOT / "tools/tcxo_tools",
}
# tcxo_host.sim starts the firmware's simulated board; nothing else of the host knows the firmware.
ALLOWED = {
    "tcxo_protocol": {"tcxo_protocol"},
    "tcxo_firmware": {"tcxo_firmware", "tcxo_protocol"},
    "tcxo_host": {"tcxo_host", "tcxo_protocol"},
    "tcxo_host.sim": {"tcxo_host", "tcxo_protocol", "tcxo_firmware"},
    "tcxo_tools": set(SOURCES),
}
PURE = ["edges", "pipeline", "policy", "report", "sim.world", "sim.frames", "sim.trial"] + [
    f"estimate.{path.stem}" for path in (SOURCES["tcxo_host"] / "estimate").glob("*.py")
]
IMPURE_IMPORTS = {
    "os",
    "io",
    "time",
    "logging",
    "socket",
    "subprocess",
    "threading",
    "signal",
    "serial",
    "smbus2",
}


def files(package):
    on_board = SOURCES["tcxo_firmware"]
    for path in SOURCES[package].rglob("*.py"):
        if not any(path.is_relative_to(on_board / part) for part in ("device", "sim", "boards")):
            yield path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("package", SOURCES)
def test_nothing_imports_against_the_direction(package):
    for path in files(package):
        inside = path.relative_to(SOURCES[package]).parts[0]
        allowed = ALLOWED.get(f"{package}.{inside}", ALLOWED[package])
        ours = {name.split(".")[0] for name in imports(path)} & set(SOURCES)
        assert ours <= allowed, f"{path} imports {ours - allowed}"


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_do_no_io(module):
    path = SOURCES["tcxo_host"] / (module.replace(".", "/") + ".py")
    touched = {name.split(".")[0] for name in imports(path)} & IMPURE_IMPORTS
    assert not touched, f"{path} imports {touched}"


@pytest.mark.parametrize("module", ["tcxo_host.daemon", "tcxo_host.cli", "tcxo_host.dump_cli"])
def test_importing_the_commands_pulls_in_nothing_heavy(module):
    heavy = [
        "matplotlib",
        "scipy",
        "rich",
        "pyarrow",
        "prometheus_client",
        "allantools",
        "mpremote",
        "tcxo_firmware",
    ]
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
