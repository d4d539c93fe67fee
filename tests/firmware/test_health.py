"""The board's own well-being: sensors, crashes, the watchdog, and what a lone command does."""

import json

import pytest
from support.firmware_boards import BoardReader, advance_seconds, seconds_of_edges
from support.firmware_vms import run_31bit, run_unix
from tcxo_firmware.simboard import WATCHDOG_RESET, SimBoard
from tcxo_protocol.records import Identify
from tcxo_protocol.spec import ResetCause


def test_status_carries_temperatures_and_supply():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.set_temperature(-7.25)
        board.set_supply(3.251)
        advance_seconds(board, 3)
        status = reader.wait_status_at(2 * board.tick_hz)
        assert status.mcu_c == -7.25
        assert status.external_c == pytest.approx(-7.25, abs=0.05)  # half a step of a 12-bit TMP36 reading
        assert status.supply_v == 3.251


@pytest.mark.parametrize("run", [run_unix, run_31bit])
def test_a_converter_without_calibration_is_absent_and_crashes_nothing(run):
    """Chips without ST's calibration words give inf and NaN, which no integer holds."""
    told = [json.loads(line) for line in run("check_sensors.py").splitlines()]
    no_temperature, no_voltage = -0x8000, 0xFFFF
    assert [mcu for mcu, _, _ in told] == [2500] + [no_temperature] * 6 + [no_temperature] * 4
    assert [supply for _, _, supply in told] == [
        3300,
        no_voltage,
        no_voltage,
        no_voltage,
        3300,
        no_voltage,
        no_voltage,
        no_voltage,
        3300,
        3300,
        no_voltage,
    ]
    # The TMP36 is read against the usual 3.3 V where the supply is not known.
    assert [external for _, external, _ in told] == [pytest.approx(2500, abs=6)] * len(told)


def test_a_crash_is_told_until_the_board_has_run_for_a_minute():
    """Kept until then, so that a board that crashes at every start does not wear its flash out."""
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.crash()
        assert board.wait_ended() == 3, "machine.reset()"
        for _ in range(2):
            board.reboot()
            reader.records.clear()
            reader.wait(lambda r: "RuntimeError: simulated crash" in r.texts())
            assert "crashed before: Traceback" in reader.texts()
        channels, ticks = seconds_of_edges(0, 3)
        board.feed(channels, ticks)
        for second in range(10, 70, 10):
            advance_seconds(board, second)
        reader.wait_status_at(60 * board.tick_hz)
        board.reboot()
        reader.records.clear()
        reader.wait(lambda r: "started" in r.texts())
        assert "crash" not in reader.texts()


def test_a_crash_that_cannot_be_kept_still_restarts_the_board():
    """A full file system, or none, must not stop what comes after the keeping: the reset."""
    full, none = run_unix("check_crash.py").splitlines()
    assert full.startswith("full: ")
    assert none == "none: [] []"


def test_a_reset_cause_is_identified():
    with SimBoard() as board, BoardReader(board) as reader:
        assert reader.wait_identify().reset_cause == 1
        board.reboot()
        assert reader.wait_identify(2).reset_cause == 2


def test_a_chip_without_random_numbers_still_has_another_boot_id_at_every_start():
    ids = [int(line) for line in run_unix("check_boot_id.py").split()]
    assert len(set(ids)) == len(ids) == 50
    assert all(0 <= number < 2**32 for number in ids)
    assert max(ids) > 2**31


def test_repl_ends_the_stream_with_a_whole_frame_and_captures_no_more():
    channels, ticks = seconds_of_edges(0, 5)
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels, ticks)
        advance_seconds(board, 1)
        reader.wait_status_at(5 * board.tick_hz)
        reader.send("repl")
        assert board.wait_ended() == 0, "the main program returned"
        reader.poll()
        assert reader.decoder.counts.bad_frames == 0


def test_ctrl_c_leaves_the_main_loop_for_the_repl():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        reader.send("\x03")
        assert board.wait_ended() == 0


def test_a_running_loop_feeds_the_watchdog_through_an_hour():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        for _ in range(60):
            advance_seconds(board, 60)
            reader.poll()
        reader.wait_status_at(3600 * board.tick_hz)
        board.check_alive()


def test_a_loop_that_hangs_is_ended_by_the_watchdog_and_the_next_start_says_so():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.hang(25)
        advance_seconds(board, 60)
        reader.wait_status_at(60 * board.tick_hz)
        board.check_alive()
        board.hang(31)
        advance_seconds(board, 31)
        assert board.wait_ended() == 4
        board.reboot(reset_cause=WATCHDOG_RESET)
        # identities of the time before may still be on the line
        reader.wait(lambda each: each.of(Identify)[-1].reset_cause == ResetCause.WATCHDOG)


@pytest.mark.parametrize("leds", [{"streaming": 2, "no_gps": 1, "fault": 4}, {"single": 1}])
def test_lights_show_streaming_gps_and_fault(leds, tmp_path):
    history = json.loads(run_unix("check_lights.py", json.dumps(leds)))
    if "single" in leds:
        assert history == {
            "streaming": [2, 2, 2, 2],
            "no GPS": [2, 0, 2, 0],
            "no reader": [0, 0, 0, 0],
            "fault": [0] * 10 + [2, 2],
            "no clock": [0] * 14,
        }
    else:
        streaming, no_gps, fault = 4, 2, 16
        assert history == {
            "streaming": [streaming, 0, streaming, 0],
            "no GPS": [streaming | no_gps, no_gps, streaming | no_gps, no_gps],
            "no reader": [0, 0, 0, 0],
            "fault": [streaming | fault, fault] * 5 + [streaming, 0],
            "no clock": [no_gps | fault] * 14,
        }


def test_the_watchdog_starves_when_the_counter_stands_still():
    assert run_unix("check_watchdog.py").strip() == "fed 2 of 4"
