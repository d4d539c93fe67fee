"""Data goes one way, and so do imports: no arrow back, no circle; the middle is pure; the start is light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "tcxo_protocol": ROOT / "protocol/tcxo_protocol",
    "tcxo_firmware": ROOT / "firmware/tcxo_firmware",
    "tcxo_host": ROOT / "host/tcxo_host",
    "tcxo_tools": ROOT / "tools/tcxo_tools",
}
# Nothing imports what stands further down: first the packages, then the rooms of tcxo_host.
PACKAGES = ("tcxo_protocol", "tcxo_firmware", "tcxo_host", "tcxo_tools")
ROOMS = (
    "errors",
    "files",
    "tempcomp",
    "link",  # the way of the data ...
    "edges",
    "estimate",
    "publish",  # ... to here
    "config",
    "sim",
    "capture",
    "daemon",
    "pi",
    "cli",
    "dump",
    "flash",
    "__main__",
)
KNOW_THE_FIRMWARE = ("sim", "flash")
NOT_ONLY_ON_THE_HOST = (
    "device",
    "sim",
    "boards",
    "sent",
)  # folders of tcxo_firmware that MicroPython imports
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
HEAVY = (
    "matplotlib",
    "scipy",
    "rich",
    "pyarrow",
    "prometheus_client",
    "paho",
    "allantools",
    "mpremote",
    "tcxo_firmware",
)
MOST_ENTRIES = 15
MOST_LINES = 300


def files(package: str) -> Iterator[Path]:
    """Modules that run under CPython."""
    for path in SOURCES[package].rglob("*.py"):
        inside = path.relative_to(SOURCES[package]).parts
        if package != "tcxo_firmware" or inside[0] not in NOT_ONLY_ON_THE_HOST:
            yield path


def dotted(package: str, path: Path) -> tuple[str, ...]:
    parts = path.relative_to(SOURCES[package]).with_suffix("").parts
    return (package, *(parts[:-1] if parts[-1] == "__init__" else parts))


MODULES = {dotted(package, path): path for package in SOURCES for path in files(package)}


def imports(path: Path, package: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """What a module imports anywhere in it, dotted; ``package`` is where its relative imports start."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            yield from (
                (*base, alias.name) if (*base, alias.name) in MODULES else base for alias in node.names
            )


def arrows() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Each module of ours with those of ours that it imports, relative or absolute."""
    found = {}
    for name, path in MODULES.items():
        package = name if path.name == "__init__.py" else name[:-1]
        found[name] = {each for each in imports(path, package) if each in MODULES and each != name}
    return found


ARROWS = arrows()


def place(name: tuple[str, ...]) -> tuple[int, int]:
    """Where a module stands on the way; what it imports must not stand further down."""
    room = name[1] if len(name) > 1 else ""
    return PACKAGES.index(name[0]), ROOMS.index(room) if name[0] == "tcxo_host" and room else 0


@pytest.mark.parametrize("name", MODULES, ids=".".join)
def test_no_arrow_goes_back(name):
    back = {".".join(other) for other in ARROWS[name] if place(other) > place(name)}
    assert not back, f"{'.'.join(name)} imports {back}"


@pytest.mark.parametrize("name", [each for each in MODULES if each[0] == "tcxo_host"], ids=".".join)
def test_the_host_knows_the_firmware_only_where_it_simulates_or_flashes_a_board(name):
    if len(name) < 2 or name[1] not in KNOW_THE_FIRMWARE:
        assert not any(other[0] == "tcxo_firmware" for other in ARROWS[name])


def test_there_is_no_circle():
    left = dict(ARROWS)
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left, f"import circles among {sorted('.'.join(name) for name in left)}"


def test_the_walk_sees_relative_absolute_and_late_imports():
    assert ("tcxo_host", "link", "interface") in ARROWS["tcxo_host", "link", "serial"]
    assert ("tcxo_protocol", "spec") in ARROWS["tcxo_host", "edges", "collector"]
    assert ("tcxo_host", "daemon", "loop") in ARROWS["tcxo_host", "cli", "run"]
    assert len(MODULES) > 100


def pure_modules() -> Iterator[Path]:
    """Those that say so in their docstring, and what they are made of."""
    for name, path in MODULES.items():
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        if re.search(r"\bPure[.:]|\bno I/O\b", about) or "estimate" in name[:-1]:
            yield path


@pytest.mark.parametrize("path", list(pure_modules()), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_pure_modules_do_no_io(path):
    touched = {each[0] for each in imports(path) if each} & IMPURE_IMPORTS
    assert not touched, f"{path} imports {touched}"


def test_the_middle_says_that_it_is_pure():
    told = {f"{path.parent.name}.{path.stem}" for path in pure_modules()}
    middle = {"edges.collector", "daemon.pipeline", "publish.policy", "daemon.values", "kalman.estimator"}
    assert middle | {"boxcar.estimator", "tcxo_protocol.i2c_pages"} <= told


@pytest.mark.parametrize("module", ["tcxo_host.daemon.loop", "tcxo_host.cli.main", "tcxo_host.dump.main"])
def test_importing_the_commands_pulls_in_nothing_heavy(module):
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("source", SOURCES)
def test_a_folder_is_seen_at_one_glance(source):
    for folder in {path.parent for path in files(source)}:
        entries = {path.name for path in folder.iterdir() if not path.name.startswith("__")} - {"py.typed"}
        assert len(entries) <= MOST_ENTRIES, f"{folder}: {sorted(entries)}"


@pytest.mark.parametrize("name", sorted(MODULES), ids=".".join)
def test_a_module_is_read_in_one_sitting(name):
    assert len(MODULES[name].read_text().splitlines()) <= MOST_LINES


def test_the_top_level_is_the_users():
    shown = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {name.split("/")[0] for name in shown.splitlines() if not name.startswith(".")}
    assert top == {
        *("host", "firmware", "protocol", "tools", "tests"),
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
    }


def test_the_changelog_says_each_thing_once():
    items = re.split(r"(?m)^(?=- )", (ROOT / "CHANGELOG.md").read_text())
    told = [" ".join(item.split()) for item in items]
    assert sorted(told) == sorted(set(told))
