"""The device files use the board's modules as these are: mypy with MicroPython's own stubs for the stm32 port."""

import subprocess
import sys
from importlib.metadata import files

import pytest
from tcxo_firmware import DEVICE_DIR, DEVICE_FILES, SELFTEST_PART

STUB_PACKAGES = ("micropython-stm32-stubs", "micropython-stdlib-stubs")

# Errors in the stubs themselves are not ours to mend.
CONFIGURATION = """\
[mypy]
mypy_path = {device}:{stubs}
custom_typeshed_dir = {stubs}
cache_dir = {cache}
no_site_packages = True
ignore_errors = True
check_untyped_defs = True
[mypy-tcxo.*,main,selftest]
ignore_errors = False
warn_unused_ignores = True
"""


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Runs mypy over modules by file, or over the device files; returns its exit status and output."""
    directory = tmp_path_factory.mktemp("types")
    stubs = directory / "stubs"
    # mypy wants them in a folder of their own: beside other packages they would stand in for CPython's.
    for package in STUB_PACKAGES:
        for file in files(package):
            if file.suffix == ".pyi" or file.name == "VERSIONS":
                link = stubs / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())
    (stubs / "board_config.pyi").write_text("from typing import Any\nBOARD: dict[str, Any]\n")
    configuration = directory / "mypy.ini"
    configuration.write_text(CONFIGURATION.format(device=DEVICE_DIR, stubs=stubs, cache=directory / "cache"))

    def run(*what):
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--config-file", configuration, *what],
            capture_output=True,
            text=True,
            check=False,
            cwd=directory,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_device_files_pass(check):
    status, output = check("-p", "tcxo", "-m", "main")
    assert status == 0, output
    assert f"in {len(DEVICE_FILES)} source files" in output, output


def test_what_is_sent_for_the_self_test_passes(check):
    status, output = check(str(SELFTEST_PART))
    assert status == 0, output


def test_what_the_port_has_not_is_found(check, tmp_path):
    """That the stubs are really looked at."""
    (tmp_path / "main.py").write_text("import pyb\n\n\ndef f():\n    pyb.USB_VCP().write_all(b'')\n")
    status, output = check(str(tmp_path / "main.py"))
    assert status == 1
    assert '"USB_VCP" has no attribute "write_all"' in output
