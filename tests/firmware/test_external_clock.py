"""A board that counts a clock from outside: wired through data, and never taken for a working one without it."""

import json
import sys

import numpy as np
import pytest
from support.firmware_boards import BoardReader, advance_seconds, board_folder
from support.firmware_vms import run_unix
from tcxo_firmware.simboard import SimBoard
from tcxo_firmware.simprocess import find_vm
from tcxo_host.daemon.pipeline import CLOCK_COMPLAINTS
from tcxo_protocol.records import Identify, Text

CLOCK = {"tick_hz": 10_000_000, "clock": {"pin": "X6", "hz": 10_000_000, "divide": 1}}
WITHOUT_CHANNEL_1 = tuple(
    {"id": number, "role": role, "rate_mhz": rate_mhz, "pin": f"X{number}", "edge": "rising"}
    for number, role, rate_mhz in ((2, "gps_pps", 1000), (3, "host_pwm", 50000), (4, "rtc_pps", 1000))
)


@pytest.fixture(params=["found", "cpython"])
def clocked_board(request, tmp_path):
    """A board that counts 10 MHz from outside, in both VMs."""
    vm = find_vm() if request.param == "found" else ("CPython", [sys.executable, "-u"])
    folder = board_folder(tmp_path, **CLOCK, channels=WITHOUT_CHANNEL_1)
    with SimBoard(board=str(folder), tick_hz=10_000_000, vm=vm) as board:
        yield board


def test_a_clock_from_outside_is_counted_as_any(clocked_board):
    with BoardReader(clocked_board) as reader:
        advance_seconds(clocked_board, 3)
        identify = reader.wait_identify()
        assert (identify.tick_hz, [channel.role for channel in identify.channels]) == (10_000_000, [1, 3, 2])
        ticks = clocked_board.tick + np.arange(1, 200) * 200_003
        clocked_board.feed([3] * len(ticks), ticks)
        advance_seconds(clocked_board, 2)
        reader.wait_status_at(int(ticks[-1]) + 10_000_000)
        assert reader.ticks(3) == ticks.tolist()
        assert "clock" not in reader.texts()


def test_a_board_whose_clock_stands_still_says_so_and_nothing_else(clocked_board):
    with BoardReader(clocked_board) as reader:
        advance_seconds(clocked_board, 3)  # it looks twice before it believes its clock
        reader.wait_identify()
        advance_seconds(clocked_board, 2)  # that the line has a reader may have been seen only then
        reader.wait_status_at(2 * 10_000_000)
        advance_seconds(clocked_board, 0.4)  # in the middle of a second, which is a slow one then
        clocked_board.external_clock(False)
        advance_seconds(clocked_board, 3)
        reader.wait(lambda r: "no clock at X6: the counter stands still" in r.texts())
        before = len([record for record in reader.records if not isinstance(record, Text)])
        ticks = clocked_board.tick + np.arange(1, 100) * 200_000
        clocked_board.feed([3] * len(ticks), ticks)
        advance_seconds(clocked_board, 60)  # longer than the watchdog waits: a restart would bring no clock
        reader.wait(lambda r: r.texts().count("no clock at X6") >= 4)
        after = [record for record in reader.records if not isinstance(record, Text)][before:]
        assert all(
            line.startswith(CLOCK_COMPLAINTS) for line in reader.texts().splitlines() if "clock" in line
        )
        assert after == [], "the daemon would take it for a measurement"
        clocked_board.external_clock(True)
        advance_seconds(clocked_board, 4)
        clocked_board.wait_ended()  # it restarts: nobody knows how long the counter stood


def test_a_board_that_starts_without_its_clock_waits_for_it(clocked_board):
    clocked_board.external_clock(False)
    with BoardReader(clocked_board) as reader:
        advance_seconds(clocked_board, 5)
        reader.wait(lambda r: "no clock at X6" in r.texts())
        assert reader.of(Identify) == []
        clocked_board.external_clock(True)
        advance_seconds(clocked_board, 4)
        assert reader.wait_identify().tick_hz == 10_000_000


def test_a_clock_from_outside_is_wired_divided_and_let_go():
    told = json.loads(run_unix("check_setup.py"))
    assert told["alternate"] == [["X6", 1]]
    assert told["smcr"] == ["4000", "5000", "6000", "7000"], "ECE, and the prescaler in bits 13:12; no filter"
    assert told["clocked_hz"] == [10_000_000, 5_000_000, 2_500_000, 1_250_000]
    assert told["closed_smcr"] == 0
