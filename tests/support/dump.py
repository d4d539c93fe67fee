"""Runs the real command tcxo-dump."""

import subprocess
import sys

TCXO_DUMP = [sys.executable, "-m", "tcxo_host.dump.main"]


def dump(*args, **options):
    """The finished process; a traceback is a failure of any test."""
    done = subprocess.run(
        [*TCXO_DUMP, *map(str, args)], capture_output=True, text=True, timeout=120, **options
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
