"""The I2C link against the board's own page code, over a bus with every habit of a Pi's."""

from __future__ import annotations

import errno
import os
from itertools import pairwise

import pytest
from support.fake_i2c import FUNC_SMBUS_ONLY
from support.i2c_memory import IDENTIFY, MemoryBoard, edges, load_pages, read_some
from tcxo_host.errors import DataError, LinkError, UsageError
from tcxo_host.link.i2c import I2cLink
from tcxo_host.link.url import open_link
from tcxo_protocol.i2c_pages import MEMORY_BYTES, SLOT_COUNT
from tcxo_protocol.records import Status, build_record, parse_payload


def status(second: int) -> bytes:
    return build_record(Status(second, second * 84_000_000, 0, 0, None, None, None, ()))


def read_for(board: MemoryBoard, link: I2cLink, seconds: float) -> None:
    """Keep reading for so long on the board's clock."""
    end_s = board.now_s + seconds
    while board.now_s < end_s:
        link.read(1.0)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> MemoryBoard:
    return MemoryBoard(monkeypatch)


def test_identify_comes_first_and_then_everything_new_in_order(board: MemoryBoard) -> None:
    board.pages.push(edges(1))
    link = board.link()
    assert read_some(link) == [IDENTIFY]
    board.pages.push(edges(2))
    board.pages.push(status(1))
    assert read_some(link) == [edges(2), status(1)]
    assert read_some(link, 0.2) == []
    assert link.counts.frames == 3


def test_open_link_knows_the_url(board: MemoryBoard) -> None:
    link = open_link("i2c:1:0x42")
    assert link.url == "i2c:1:0x42"
    assert [parse_payload(each.payload) for each in link.read(0)]
    link.close()


def test_it_looks_just_after_the_second_closes_and_off_the_beat(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    looked: list[float] = []
    for second in range(5):
        board.pages.push(status(second))
        assert read_some(link) == [status(second)]
        looked.append(board.now_s)
        before = board.bus.transfers
        assert read_some(link, 0.9) == []
        assert board.bus.transfers == before  # the bus is quiet while the board gathers a second
    steps = [later - earlier for earlier, later in pairwise(looked)]
    assert all(0.95 < step < 1.1 for step in steps)


@pytest.mark.parametrize("code", [errno.EREMOTEIO, errno.EIO, errno.ETIMEDOUT, errno.EAGAIN, errno.ENXIO])
def test_a_passing_fault_is_tried_again_within_the_second_and_counted(board: MemoryBoard, code: int) -> None:
    link = board.link()
    read_some(link)
    board.pages.push(edges(1))
    board.bus.faults.extend([code, 0, code, code])
    start_s = board.now_s
    assert read_some(link) == [edges(1)]
    assert board.now_s - start_s < 0.5
    assert link.errors[errno.errorcode[code]] == 3
    assert link.counts.bad_frames == 3
    assert link.counts.lost_frames == 0


def test_what_was_read_before_a_fault_in_the_middle_of_a_poll_is_not_lost(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    for number in (1, 2, 3):
        board.pages.push(edges(number))
    # head and first slot come well, the second slot fails for as long as one poll tries
    board.bus.faults.extend([0, 0, errno.EIO])
    assert read_some(link) == [edges(1), edges(2), edges(3)]
    assert link.errors["EIO"] == 1


def test_a_reader_that_fell_behind_says_what_it_lost(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    for number in range(1, 41):
        board.pages.push(edges(number))
    assert read_some(link) == [edges(number) for number in range(40 - SLOT_COUNT + 2, 41)]
    assert link.counts.lost_frames == 40 - SLOT_COUNT + 1


def test_a_reboot_gives_identify_again_and_what_came_since(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    board.boot(2)
    board.pages.push(edges(1))
    assert read_some(link) == [IDENTIFY]
    assert read_some(link) == [edges(1)]


def test_id_repeats_identify_only_with_news(board: MemoryBoard) -> None:
    link = board.link()
    read_some(link)
    link.send("id")
    link.send("stream on")
    assert read_some(link) == []  # a board that is stuck must not seem alive
    board.pages.push(edges(1))
    assert read_some(link) == [IDENTIFY, edges(1)]


@pytest.mark.parametrize("code", [errno.EREMOTEIO, errno.ETIMEDOUT])
def test_a_stuck_bus_is_given_up_after_three_seconds_and_can_be_reopened(
    board: MemoryBoard, code: int
) -> None:
    link = board.link()
    read_some(link)
    board.bus.always = code
    start_s = board.now_s
    with pytest.raises(
        LinkError, match=rf"no readable transfer for 3 s \({errno.errorcode[code]} \d+\): check wires"
    ):
        read_for(board, link, 20)
    assert 3 <= board.now_s - start_s < 4
    link.close()
    board.bus.always = 0
    assert read_some(board.link()) == [IDENTIFY]


def test_nothing_at_that_address(board: MemoryBoard) -> None:
    board.device.address = 0x10
    link = board.link()
    with pytest.raises(LinkError, match="EREMOTEIO"):
        read_for(board, link, 10)


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EBADF])
def test_a_bus_that_vanishes_is_a_link_error_at_once(board: MemoryBoard, code: int) -> None:
    link = board.link()
    board.bus.faults.append(code)
    with pytest.raises(LinkError, match="the bus went away"):
        read_some(link)


def test_a_bus_without_plain_i2c_is_refused_with_the_reason(board: MemoryBoard) -> None:
    board.bus.functions = FUNC_SMBUS_ONLY
    with pytest.raises(LinkError, match=r"functionality 0xc7f0000 lacks I2C_FUNC_I2C.*i2c-gpio"):
        board.link()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOENT, "raspi-config"), (errno.EACCES, "group i2c"), (errno.EBUSY, os.strerror(errno.EBUSY))],
)
def test_a_bus_that_cannot_be_opened(board: MemoryBoard, code: int, words: str) -> None:
    board.bus.open_error = code
    with pytest.raises(LinkError, match=words):
        board.link()


@pytest.mark.parametrize(
    "where", ["", "1", "1:", "1:0x80", "1:2", "x:0x42", "1:0x42:3", "-1:0x42", "1:999", "1:05"]
)
def test_malformed_addresses(where: str) -> None:
    with pytest.raises(UsageError, match="expected i2c:BUS:ADDRESS"):
        I2cLink(where)


def test_another_device_at_the_address_and_another_layout(board: MemoryBoard) -> None:
    board.memory[:] = os.urandom(MEMORY_BYTES)
    link = board.link()
    with pytest.raises(LinkError, match="unreadable"):
        read_for(board, link, 10)
    pages = load_pages()
    pages.LAYOUT_VERSION = 9
    pages.Pages(board.memory, 1).set_identify(IDENTIFY)
    with pytest.raises(DataError, match="i2c:1:0x42: the board's I2C memory has layout 9"):
        read_some(board.link())
