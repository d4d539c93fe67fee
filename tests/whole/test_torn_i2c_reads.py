"""Reads of the I2C memory that are torn by the board's writing or by noise: repeated, refused or counted as lost."""

from __future__ import annotations

import random
from binascii import crc32

import pytest
from support.i2c_memory import (
    IDENTIFY,
    MemoryBoard,
    Registers,
    edges,
    load_pages,
    read_some,
    text,
    texts_of,
)
from tcxo_protocol import i2c_pages
from tcxo_protocol.i2c_pages import PageReader, PagesError, slot_offset
from tcxo_protocol.records import Text, build_record, parse_payload


def test_ten_thousand_reads_while_the_loop_rewrites_accept_nothing_torn():
    """The writer stores a few bytes between any two bytes that the controller reads."""
    rng = random.Random(4)
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    pending = []

    class Slowly:
        """Collects the writer's stores, to be carried out byte by byte later."""

        def __setitem__(self, where, data):
            pending.extend(zip(range(*where.indices(len(memory))), bytes(data), strict=True))

    writer = load_pages().Pages(Slowly(), 7)
    writer.set_identify(text(0))
    for at, value in pending:
        memory[at] = value
    pending.clear()
    number = 0
    stores_until = 0.0

    def write_some():
        nonlocal number, stores_until
        stores_until += rng.choice((0.0, 0.0, 0.1, 1.0, 6.0))
        while stores_until >= 1:
            stores_until -= 1
            if not pending:
                number += 1
                writer.push(text(number))
                pending.reverse()
            at, value = pending.pop()
            memory[at] = value

    reader, registers = PageReader(), Registers(memory, write_some)
    reads = seen = lost = 0
    last = None

    def counting(offset, count):
        nonlocal reads
        reads += 1
        return registers(offset, count)

    while reads < 10_000:
        try:
            result = reader.poll(counting)
        except PagesError:
            continue  # the head changed under every attempt: honest, and the next poll goes on
        lost += result.lost
        for payload in [] if result.restarted else result.payloads:
            got = int(parse_payload(payload)[0].text.split()[0])
            assert payload == text(got)
            assert last is None or got > last
            last = got
            seen += 1
    assert seen > 500
    assert reader.torn_reads > 100, "nothing was torn: this test tests nothing"
    assert last is not None
    assert abs(seen + lost - last) <= 1, "every record was read or counted as lost"


def test_one_head_with_a_count_from_the_future_does_not_silence_the_board():
    memory = bytearray(i2c_pages.MEMORY_BYTES)
    writer = load_pages().Pages(memory, 7)
    writer.set_identify(build_record(Text("me")))
    writer.push(text(1))
    reader = PageReader()
    reader.poll(Registers(memory))
    good = bytes(memory)
    head = i2c_pages.HEAD.parse(good)
    head.newest = 0xFFFFFFF0
    whole = i2c_pages.HEAD.build(head)[:-4]
    memory[: len(whole) + 4] = whole + crc32(whole).to_bytes(4, "little")
    assert reader.poll(Registers(memory)).payloads == []
    memory[:] = good
    writer.push(text(2))
    assert texts_of(reader.poll(Registers(memory)).payloads)[-1].startswith("2 ")


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> MemoryBoard:
    return MemoryBoard(monkeypatch)


def test_a_read_that_the_board_rewrites_is_read_again(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    board.device.halfway.append(lambda: board.pages.push(edges(1)))
    assert read_some(link) == [edges(1)]
    assert link.counts.bad_frames == 1


def test_a_slot_that_noise_gave_a_later_number_is_read_again(board: MemoryBoard) -> None:
    """A line that stays high for one transfer says 0xffffffff, which is no reason to give the slot up."""
    link = board.link()
    assert read_some(link) == [IDENTIFY]
    board.pages.push(edges(1))
    head_bytes, reads = slot_offset(0), []

    def noisy(address: int, write: bytes, read: int) -> bytes:
        reads.append(int.from_bytes(write, "big"))
        is_first_of_slot = reads[-1] >= head_bytes and sum(at >= head_bytes for at in reads) == 1
        return b"\xff" * read if is_first_of_slot else board.device(address, write, read)

    board.bus.device = noisy
    assert read_some(link) == [edges(1)]
    assert (link.counts.lost_frames, link.counts.bad_frames) == (0, 1)
