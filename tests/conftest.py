"""Shared by all tests: what a test needs from the machine, and what happens when it is not there."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

# chronyd lives in /usr/sbin, which a plain user's PATH lacks
os.environ["PATH"] += ":/usr/sbin:/sbin"


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(*programs): real programs the test starts")


def pytest_runtest_setup(item):
    """A test whose program is missing is left out, and says so; in CI that is a failure."""
    for mark in item.iter_markers("needs"):
        absent = [program for program in mark.args if not shutil.which(program)]
        if absent and os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {', '.join(absent)}")
        elif absent:
            pytest.skip(f"left out: {', '.join(absent)} not installed")


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder_is_left_empty(tmp_path_factory):
    """Tests and the programs they start get a temporary folder of this run's own; nothing may stay in it."""
    tmp_path_factory.getbasetemp()  # tmp_path stays where pytest keeps it
    with tempfile.TemporaryDirectory(prefix="tcxo-tests-") as folder:
        os.chmod(folder, 0o755)  # chronyd enters it as a user of its own
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", folder)
            patch.setattr(tempfile, "tempdir", folder)
            yield
        left = sorted(os.listdir(folder))
    assert not left, f"tests left in the temporary folder: {left}"
