"""Data goes one way, and so do imports; importing the daemon pulls in nothing heavy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "tcxo_protocol": ROOT / "protocol/tcxo_protocol",
    "tcxo_firmware": ROOT / "firmware/tcxo_firmware",
    "tcxo_host": ROOT / "host/tcxo_host",
    "tcxo_tools": ROOT / "tools/tcxo_tools",
}
# tcxo_host.sim starts the firmware's simulated board, flash installs it; nothing else of the host knows the firmware.
ALLOWED = {
    "tcxo_protocol": {"tcxo_protocol"},
    "tcxo_firmware": {"tcxo_firmware", "tcxo_protocol"},
    "tcxo_host": {"tcxo_host", "tcxo_protocol"},
    "tcxo_host.sim": {"tcxo_host", "tcxo_protocol", "tcxo_firmware"},
    "tcxo_host.flash": {"tcxo_host", "tcxo_protocol", "tcxo_firmware"},
    "tcxo_tools": set(SOURCES),
}
# From the link to the file, in tcxo_host; nothing imports what is to its right.
WAY = (("link",), ("edges",), ("estimate",), ("publish",), ("daemon",), ("cli",))
CONTRACT = "estimate.interface"  # what edges become, and what is made of them: shared by both sides
IMPURE_IMPORTS = {
    "os",
    "io",
    "time",
    "logging",
    "socket",
    "subprocess",
    "threading",
    "signal",
    "pathlib",
    "sys",
    "importlib",
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


def siblings(path):
    """Modules of its own package that a module of tcxo_host imports, dotted, without the package's name."""
    inside = path.relative_to(SOURCES["tcxo_host"]).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = inside[: len(inside) - node.level]
            if node.module:
                yield ".".join((*above, node.module))
            else:
                yield from (".".join((*above, alias.name)) for alias in node.names)


@pytest.mark.parametrize("place", range(len(WAY)))
def test_nothing_on_the_way_imports_what_is_to_its_right(place):
    later = {name for names in WAY[place + 1 :] for name in names}
    for name in WAY[place]:
        alone = SOURCES["tcxo_host"] / f"{name}.py"
        for path in [alone] if alone.exists() else (SOURCES["tcxo_host"] / name).rglob("*.py"):
            found = {each for each in siblings(path) if each.split(".")[0] in later and each != CONTRACT}
            assert not found, f"{path} imports {found}"


def pure_modules():
    """Those that say so in their docstring, and what they are made of."""
    for package in ("tcxo_protocol", "tcxo_host", "tcxo_tools"):
        for path in files(package):
            about = ast.get_docstring(ast.parse(path.read_text())) or ""
            if re.search(r"\bPure[.:]|\bno I/O\b", about) or path.parent.name == "estimate":
                yield path


@pytest.mark.parametrize("path", list(pure_modules()), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_pure_modules_do_no_io(path):
    touched = {name.split(".")[0] for name in imports(path)} & IMPURE_IMPORTS
    assert not touched, f"{path} imports {touched}"


def test_the_middle_says_that_it_is_pure():
    told = {path.stem for path in pure_modules()}
    assert {"account", "pipeline", "policy", "values", "estimator", "i2c_pages"} <= told


@pytest.mark.parametrize("module", ["tcxo_host.daemon.loop", "tcxo_host.cli.main", "tcxo_host.dump.main"])
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
