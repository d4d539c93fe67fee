"""The device files in their VM, over a pty: what goes into the pins comes out of the line, to the tick."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from support.firmware_boards import GPS, PWM, RTC, BoardReader, seconds_of_edges
from tcxo_firmware.simboard import SimBoard
from tcxo_firmware.simprocess import find_vm
from tcxo_protocol.records import Edges, Identify, Status

CPYTHON = ("CPython", [sys.executable, "-u"])


@pytest.fixture(params=["found", "cpython"])
def vm(request):
    """Every test here also holds for the fallback VM."""
    return find_vm() if request.param == "found" else CPYTHON


def test_every_tick_of_three_channels_arrives_exactly_over_three_wraps(vm):
    start = 0xFFFF_0000  # the first wrap comes within a millisecond
    channels, ticks = seconds_of_edges(start, 160)
    with SimBoard(start_tick=start, vm=vm) as board, BoardReader(board) as reader:
        reader.wait_identify()
        for cut in np.array_split(np.arange(len(ticks)), 40):
            board.feed(channels[cut], ticks[cut])
            reader.poll()
        end = int(ticks[-1]) + board.tick_hz
        board.advance(end + board.tick_hz)
        status = reader.wait_status_at(end)

        for channel in (GPS, RTC, PWM):
            assert reader.ticks(channel) == ticks[channels == channel].tolist()
        assert {c.id: (c.edges, c.overcaptures, c.ring_drops) for c in status.channels} == {
            GPS: (160, 0, 0),
            RTC: (160, 0, 0),
            PWM: (8000, 0, 0),
        }
        assert ticks[-1] - start > 3 * 2**32
        assert reader.decoder.counts.bad_frames == reader.decoder.counts.lost_frames == 0


def test_every_edge_before_a_status_tick_comes_before_that_status(vm):
    channels, ticks = seconds_of_edges(0, 20)
    with SimBoard(vm=vm) as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels, ticks)
        board.advance(21 * board.tick_hz)
        reader.wait_status_at(20 * board.tick_hz)
        status_tick = 0
        for record in reader.records:
            if isinstance(record, Status):
                status_tick = record.tick
            elif isinstance(record, Edges):
                assert record.ticks[0] > status_tick
        expected_number = 0
        for edges in reader.of(Edges):
            if edges.channel == PWM:
                assert edges.number == expected_number
                expected_number += len(edges.ticks)
        assert expected_number == 1000


def test_a_second_of_default_rates_costs_under_400_bytes():
    seconds = 100
    channels, ticks = seconds_of_edges(0, seconds)
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels, ticks)
        board.advance(seconds * board.tick_hz)
        reader.wait_status_at(seconds * board.tick_hz)
        assert reader.byte_count / seconds < 400


def test_identify_names_the_board_and_answers_id(vm):
    with SimBoard(boot_id=0xDEADBEEF, vm=vm) as board, BoardReader(board) as reader:
        first = reader.wait_identify()
        assert (first.board, first.boot_id, first.tick_hz) == ("SIM", 0xDEADBEEF, 84_000_000)
        assert [(c.id, c.role, c.rate_mhz) for c in first.channels] == [
            (1, 1, 1000),
            (2, 2, 1000),
            (3, 3, 50000),
        ]
        seen = len(reader.of(Identify))
        reader.send("id")
        assert reader.wait_identify(seen + 1) == first


def test_a_control_character_left_on_the_line_does_not_spoil_a_command():
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        reader.send("\x02id")
        reader.wait_identify(2)
        assert "unknown" not in reader.texts()


def test_an_unknown_command_is_answered_with_a_line_of_text(vm):
    with SimBoard(vm=vm) as board, BoardReader(board) as reader:
        reader.send("make coffee")
        reader.wait(lambda r: "unknown command: 'make coffee'" in r.texts())


def test_a_reboot_shows_as_another_boot_id_and_ticks_from_the_start():
    channels, ticks = seconds_of_edges(0, 3)
    with SimBoard(boot_id=7) as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.feed(channels, ticks)
        board.advance(4 * board.tick_hz)
        reader.wait_status_at(3 * board.tick_hz)
        board.reboot()
        reader.wait(lambda r: r.of(Identify)[-1].boot_id == 8)
        reader.records.clear()
        board.feed(channels, ticks)
        board.advance(4 * board.tick_hz)
        reader.wait_status_at(3 * board.tick_hz)
        assert reader.ticks(GPS) == ticks[channels == GPS].tolist()


def test_a_replugged_port_goes_on_under_the_same_path():
    with SimBoard() as board:
        channels, ticks = seconds_of_edges(0, 10)
        first, second = ticks < 5 * board.tick_hz, ticks >= 5 * board.tick_hz
        with BoardReader(board) as reader:
            reader.wait_identify()
            board.feed(channels[first], ticks[first])
            board.unplug()
        board.replug()
        with BoardReader(board) as reader:
            reader.wait_identify()
            board.feed(channels[second], ticks[second])
            board.advance(11 * board.tick_hz)
            reader.wait_status_at(10 * board.tick_hz)
            assert set(ticks[(channels == PWM) & second].tolist()) <= set(reader.ticks(PWM))
            assert reader.decoder.counts.bad_frames == 0


def test_noise_costs_at_most_the_frame_it_hits():
    channels, ticks = seconds_of_edges(0, 10)
    with SimBoard() as board, BoardReader(board) as reader:
        reader.wait_identify()
        board.inject_noise(bytes(range(256)) * 3)
        board.feed(channels, ticks)
        board.advance(11 * board.tick_hz)
        reader.wait_status_at(10 * board.tick_hz)
        assert len(reader.ticks(GPS)) >= 9
        assert 1 <= reader.decoder.counts.bad_frames <= 5


def test_a_board_that_cannot_start_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        SimBoard(vm=("missing", [str(tmp_path / "missing")]))
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_ends_without_stopping_its_board_leaves_nothing_behind(tmp_path):
    code = "from tcxo_firmware.simboard import SimBoard; board = SimBoard(); raise SystemExit(7)"
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)})
    assert ended.returncode == 7
    assert list(tmp_path.iterdir()) == []
