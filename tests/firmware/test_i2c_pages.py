"""The I2C memory: what the board writes there and a controller reads (torn reads: tests/whole/)."""

from binascii import crc32

import pytest
from support.firmware_boards import GPS, PWM, BoardReader, seconds_of_edges
from support.i2c_memory import Registers, load_pages, text, texts_of
from tcxo_firmware.simboard import SimBoard
from tcxo_protocol import i2c_pages
from tcxo_protocol.i2c_pages import LayoutMismatch, PageReader, PagesError
from tcxo_protocol.records import Edges, Identify, Status, Text, build_record, parse_payload

ADDRESS = 0x55


def test_layouts_of_device_and_host_agree():
    for name in ("MAGIC", "LAYOUT_VERSION", "SLOT_COUNT", "SLOT_BYTES", "SLOT_PAYLOAD", "MEMORY_BYTES"):
        assert getattr(load_pages(), name) == getattr(i2c_pages, name), name


def test_a_reader_gets_identify_first_then_what_came_since():
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    writer = load_pages().Pages(memory, 7)
    writer.set_identify(build_record(Text("me")))
    writer.push(text(1))
    reader, registers = PageReader(), Registers(memory)
    first = reader.poll(registers)
    assert (texts_of(first.payloads), first.lost, first.restarted) == (["me"], 0, True)
    assert reader.poll(registers).payloads == []
    writer.push(text(2))
    writer.push(text(3))
    second = reader.poll(registers)
    assert (second.payloads, second.lost, second.restarted) == ([text(2), text(3)], 0, False)


def test_a_slow_reader_knows_exactly_what_it_lost():
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    writer = load_pages().Pages(memory, 7)
    writer.set_identify(text(0))
    reader, registers = PageReader(), Registers(memory)
    reader.poll(registers)
    for number in range(1, 101):
        writer.push(text(number))
    result = reader.poll(registers)
    assert result.lost == 100 - len(result.payloads)
    assert result.payloads == [text(number) for number in range(101 - len(result.payloads), 101)]
    assert len(result.payloads) >= i2c_pages.SLOT_COUNT - 1


def test_a_long_run_of_records_is_cut_between_records():
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    writer = load_pages().Pages(memory, 7)
    writer.set_identify(text(0))
    reader, registers = PageReader(), Registers(memory)
    reader.poll(registers)
    records = [text(number) for number in (140, 90, 3, 149, 120)]
    writer.push(b"".join(records))
    result = reader.poll(registers)
    assert b"".join(result.payloads) == b"".join(records)
    assert all(len(payload) <= i2c_pages.SLOT_PAYLOAD for payload in result.payloads)


def test_another_boot_id_restarts_the_reader():
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    writer = load_pages().Pages(memory, 7)
    writer.set_identify(text(0))
    writer.push(text(1))
    reader, registers = PageReader(), Registers(memory)
    reader.poll(registers)
    writer = load_pages().Pages(memory, 8)
    writer.set_identify(text(9))
    writer.push(text(1))
    again = reader.poll(registers)
    assert (again.payloads, again.restarted) == ([text(9)], True)
    assert reader.poll(registers).payloads == [text(1)], "what came since the restart is not lost"


def test_a_strange_device_and_another_layout_are_told_apart():
    with pytest.raises(PagesError, match="does not answer like the capture firmware"):
        PageReader().poll(lambda offset, count: b"\xff" * count)
    head = bytearray(i2c_pages.HEAD_BYTES)
    head[:4] = b"\x58\x54\x02\x08"
    head[-4:] = crc32(head[:-4]).to_bytes(4, "little")
    with pytest.raises(LayoutMismatch, match="layout 2 with 8 slots"):
        PageReader().poll(lambda offset, count: bytes(head))


def poll_board(reader, board):
    def read_registers(offset, count):
        return board.i2c.transfer(ADDRESS, offset.to_bytes(2, "big"), count)

    return reader.poll(read_registers)


def test_every_edge_arrives_over_i2c_at_one_poll_a_second_in_well_under_100_ms():
    seconds = 20
    channels, ticks = seconds_of_edges(0, seconds)
    reader, records, bytes_a_second = PageReader(), [], []
    with SimBoard() as board:
        [identify] = parse_payload(poll_board(reader, board).payloads[0])
        assert isinstance(identify, Identify)
        for second in range(seconds):
            now = (ticks >= second * board.tick_hz) & (ticks < (second + 1) * board.tick_hz)
            board.feed(channels[now], ticks[now])
            board.advance((second + 1) * board.tick_hz)
            clocks = board.i2c.clocks
            wanted_tick = (second + 1) * board.tick_hz
            while not any(isinstance(r, Status) and r.tick >= wanted_tick for r in records):
                result = poll_board(reader, board)
                assert result.lost == 0
                for payload in result.payloads:
                    records.extend(parse_payload(payload))
                if not result.payloads:
                    clocks = board.i2c.clocks
            bytes_a_second.append((board.i2c.clocks - clocks) / 9)
        edges = [record for record in records if isinstance(record, Edges)]
        for channel in (GPS, PWM):
            got = [tick for record in edges if record.channel == channel for tick in record.ticks]
            assert got == ticks[channels == channel].tolist()
    # 100 kHz: 90 us a byte
    assert max(bytes_a_second) * 0.09 < 60, f"{max(bytes_a_second)} bytes"


def test_both_ways_out_at_once_say_the_same():
    channels, ticks = seconds_of_edges(0, 10)
    pages = PageReader()
    with SimBoard() as board, BoardReader(board) as line:
        line.wait_identify()
        poll_board(pages, board)
        payloads = []
        for second in range(11):
            now = (ticks >= second * board.tick_hz) & (ticks < (second + 1) * board.tick_hz)
            board.feed(channels[now], ticks[now])
            board.advance((second + 1) * board.tick_hz)
            line.wait_status_at((second + 1) * board.tick_hz)
            payloads += poll_board(pages, board).payloads
        sent = [record for payload in payloads for record in parse_payload(payload)]
        over_i2c = [tick for r in sent if isinstance(r, Edges) and r.channel == PWM for tick in r.ticks]
        assert over_i2c == line.ticks(PWM) == ticks[channels == PWM].tolist()


def test_a_board_that_is_gone_or_elsewhere_gives_the_kernel_s_errors():
    with SimBoard() as board:
        with pytest.raises(OSError, match="Remote I/O error") as absent:
            board.i2c.transfer(0x44, b"\0\0", 4)
        assert absent.value.errno == 121
        bus = board.i2c
    with pytest.raises(OSError, match="Remote I/O error"):
        bus.transfer(ADDRESS, b"\0\0", 4)
