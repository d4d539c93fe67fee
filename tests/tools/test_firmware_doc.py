"""firmware/README.md says what the boards' folders, mpy-cross and the simulated board say."""

import re

import pytest
from tcxo_firmware import DEVICE_FILES
from tcxo_tools import firmware_doc, i2c_cost

LIMIT_BYTES = 24 * 1024  # of compiled modules: they fit the smallest board's file system three times over
SIZE_TOLERANCE = 0.1  # from one mpy-cross to the next


@pytest.fixture
def readme():
    return firmware_doc.DOCUMENT.read_text(encoding="utf8")


def part(text, name):
    return re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)[1].strip()


def test_boards_are_not_stale(readme):
    assert part(readme, "boards") == firmware_doc.boards(), "run python -m tcxo_tools.firmware_doc"


def test_every_device_file_compiles_for_the_board_and_all_stay_within_the_limit(readme, capsys):
    bytes_of = firmware_doc.compiled_sizes()
    with capsys.disabled():
        print(f"\n{firmware_doc.sizes()}")
    assert set(bytes_of) == {name[:-3] + ".mpy" for name in DEVICE_FILES if name != "main.py"}
    assert sum(bytes_of.values()) <= LIMIT_BYTES
    told = {path: int(size) for path, size in re.findall(r"\| `(\S+)` \| (\d+) \|", part(readme, "sizes"))}
    assert told == pytest.approx(bytes_of, rel=SIZE_TOLERANCE, abs=20), (
        "run python -m tcxo_tools.firmware_doc"
    )


def test_a_second_over_i2c_takes_well_under_100_ms(readme, capsys):
    polls = list(i2c_cost.bus_seconds(10))
    assert [poll.edges for poll in polls[1:]] == [52] * 9
    assert max(poll.duration_ms for poll in polls) < 50
    sentence = i2c_cost.summary()
    with capsys.disabled():
        print(f"\n{sentence}")
    assert sentence in part(readme, "i2c"), "run python -m tcxo_tools.firmware_doc"
