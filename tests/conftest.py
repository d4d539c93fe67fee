"""Shared by all tests: what a test needs from the machine, and what happens when it is not there."""

from __future__ import annotations

import os
import shutil

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
