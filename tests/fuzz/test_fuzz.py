"""Any bytes: the kept corpus, seeded changes to it, whatever hypothesis finds, and a minute of atheris."""

import importlib.util
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
SECONDS_EACH = 8
CHANGED_INPUTS = 150
"""Seeded changes of the corpus that are tried for each target."""

each_target = pytest.mark.parametrize("name", list(TARGETS))


def corpus(name):
    return sorted((CORPUS / name).iterdir())


@pytest.mark.parametrize(
    "path",
    [path for name in TARGETS for path in corpus(name)],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_what_was_found_once_stays_mended(path):
    TARGETS[path.parent.name](path.read_bytes())


@each_target
def test_seeded_changes_to_the_corpus(name):
    dice = random.Random(name)
    inputs = [path.read_bytes() for path in corpus(name)]
    for _ in range(CHANGED_INPUTS):
        TARGETS[name](changed(dice, dice.choice(inputs), dice.choice(inputs)))


def changed(dice, data, other):
    """A few bytes set, pieces cut out, doubled, or taken from another input."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 5)):
        at, size = dice.randrange(len(data) + 1), dice.choice([1, 2, 4, 8, 100])
        start = dice.randrange(len(other) + 1)
        piece = dice.choice(
            [b"", b"\xff" * size, bytes(size), dice.randbytes(size), other[start : start + size]]
        )
        data[at : at + dice.choice([0, size])] = piece
    return bytes(data)


@each_target
def test_any_bytes(name):
    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=400))
    @example(b"")
    def holds(data):
        TARGETS[name](data)

    holds()


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None
    and (platform.machine() != "x86_64" or sys.version_info >= (3, 14)),
    reason="atheris has no build for this machine or Python",
)
@each_target
def test_new_inputs(name, tmp_path):
    """A minute for all, with bounds on memory and on the time of one input; what it finds belongs in the corpus."""
    (tmp_path / "new").mkdir()
    done = subprocess.run(
        [
            *[sys.executable, str(HERE / "fuzz.py"), name, f"-max_total_time={SECONDS_EACH}"],
            *[
                "-timeout=60",
                "-rss_limit_mb=2000",
                "-max_len=4096",
                "-seed=1",
                f"-artifact_prefix={tmp_path}/",
            ],
            *[str(tmp_path / "new"), str(CORPUS / name)],
        ],
        capture_output=True,
        text=True,
        errors="replace",
    )
    found = [f"{path.name}: {path.read_bytes()!r}" for path in tmp_path.iterdir() if path.is_file()]
    assert done.returncode == 0, "\n".join([*done.stderr.splitlines()[-40:], *found])
