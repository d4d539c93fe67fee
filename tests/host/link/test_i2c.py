"""The I2C link against the board's own page code, over a bus with every habit of a Pi's."""

from __future__ import annotations

import errno
import importlib.util
import os
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import tcxo_firmware
from support.fake_i2c import FUNC_SMBUS_ONLY, FakeBus, MemoryDevice
from tcxo_host.errors import DataError, LinkError, UsageError
from tcxo_host.link.i2c import I2cLink
from tcxo_host.link.interface import Received
from tcxo_host.link.url import open_link
from tcxo_protocol.i2c_pages import MEMORY_BYTES, SLOT_COUNT, slot_offset
from tcxo_protocol.records import Channel, Edges, Identify, Status, build_record, parse_payload

IDENTIFY = build_record(Identify(7, 1, 84_000_000, 32, "0.1.0", "SIM", "1.26", (Channel(1, 1, 1000, "X1"),)))


def load_pages() -> ModuleType:
    """The very file that runs on the board."""
    path = Path(tcxo_firmware.__file__).parent / "device/tcxo/pages.py"
    spec = importlib.util.spec_from_file_location("device_pages", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def edges(number: int) -> bytes:
    return build_record(Edges(1, 0, number, tuple(range(number * 100, number * 100 + 5))))


def status(second: int) -> bytes:
    return build_record(Status(second, second * 84_000_000, 0, 0, None, None, None, ()))


class Board:
    """A board's memory on a fake bus, and a clock that both the link and the test turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.pauses: list[float] = []
        self.memory = bytearray(MEMORY_BYTES)
        self.device = MemoryDevice(self.memory)
        self.bus = FakeBus(self.device)
        self.bus.install(monkeypatch)
        self.boot(1)

    def boot(self, boot_id: int) -> None:
        self.pages = load_pages().Pages(self.memory, boot_id)
        self.pages.set_identify(IDENTIFY)

    def link(self) -> I2cLink:
        return I2cLink("1:0x42", clock=lambda: self.now_s, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds


def read_for(board: Board, link: I2cLink, seconds: float) -> None:
    """Keep reading for so long on the board's clock."""
    end_s = board.now_s + seconds
    while board.now_s < end_s:
        link.read(1.0)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(monkeypatch)


def texts(received: list[Received]) -> list[bytes]:
    return [each.payload for each in received]


def read_some(link: I2cLink, seconds: float = 1.0) -> list[bytes]:
    """Whatever comes within so many seconds of the board's clock, at most one batch."""
    return texts(link.read(seconds))


def test_identify_comes_first_and_then_everything_new_in_order(board: Board) -> None:
    board.pages.push(edges(1))
    link = board.link()
    assert read_some(link) == [IDENTIFY]
    board.pages.push(edges(2))
    board.pages.push(status(1))
    assert read_some(link) == [edges(2), status(1)]
    assert read_some(link, 0.2) == []
    assert link.counts.frames == 3


def test_a_slot_that_noise_gave_a_later_number_is_read_again(board: Board) -> None:
    """A line that hangs high for one transfer says 0xffffffff, which is no reason to give the slot up."""
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


def test_open_link_knows_the_url(board: Board) -> None:
    link = open_link("i2c:1:0x42")
    assert link.url == "i2c:1:0x42"
    assert [parse_payload(each.payload) for each in link.read(0)]
    link.close()


def test_it_looks_just_after_the_second_closes_and_off_the_beat(board: Board) -> None:
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
def test_a_passing_fault_is_tried_again_within_the_second_and_counted(board: Board, code: int) -> None:
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


def test_what_was_read_before_a_fault_in_the_middle_of_a_poll_is_not_lost(board: Board) -> None:
    link = board.link()
    read_some(link)
    for number in (1, 2, 3):
        board.pages.push(edges(number))
    # head and first slot come well, the second slot fails for as long as one poll tries
    board.bus.faults.extend([0, 0, errno.EIO])
    assert read_some(link) == [edges(1), edges(2), edges(3)]
    assert link.errors["EIO"] == 1


def test_a_read_that_the_board_rewrites_is_read_again(board: Board) -> None:
    link = board.link()
    read_some(link)
    board.device.halfway.append(lambda: board.pages.push(edges(1)))
    assert read_some(link) == [edges(1)]
    assert link.counts.bad_frames == 1


def test_a_reader_that_fell_behind_says_what_it_lost(board: Board) -> None:
    link = board.link()
    read_some(link)
    for number in range(1, 41):
        board.pages.push(edges(number))
    assert read_some(link) == [edges(number) for number in range(40 - SLOT_COUNT + 2, 41)]
    assert link.counts.lost_frames == 40 - SLOT_COUNT + 1


def test_a_reboot_gives_identify_again_and_what_came_since(board: Board) -> None:
    link = board.link()
    read_some(link)
    board.boot(2)
    board.pages.push(edges(1))
    assert read_some(link) == [IDENTIFY]
    assert read_some(link) == [edges(1)]


def test_id_repeats_identify_only_with_news(board: Board) -> None:
    link = board.link()
    read_some(link)
    link.send("id")
    link.send("stream on")
    assert read_some(link) == []  # a board that is stuck must not seem alive
    board.pages.push(edges(1))
    assert read_some(link) == [IDENTIFY, edges(1)]


@pytest.mark.parametrize("code", [errno.EREMOTEIO, errno.ETIMEDOUT])
def test_a_stuck_bus_is_given_up_after_three_seconds_and_can_be_reopened(board: Board, code: int) -> None:
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


def test_nothing_at_that_address(board: Board) -> None:
    board.device.address = 0x10
    link = board.link()
    with pytest.raises(LinkError, match="EREMOTEIO"):
        read_for(board, link, 10)


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EBADF])
def test_a_bus_that_vanishes_is_a_link_error_at_once(board: Board, code: int) -> None:
    link = board.link()
    board.bus.faults.append(code)
    with pytest.raises(LinkError, match="the bus went away"):
        read_some(link)


def test_a_bus_without_plain_i2c_is_refused_with_the_reason(board: Board) -> None:
    board.bus.functions = FUNC_SMBUS_ONLY
    with pytest.raises(LinkError, match=r"functionality 0xc7f0000 lacks I2C_FUNC_I2C.*i2c-gpio"):
        board.link()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOENT, "raspi-config"), (errno.EACCES, "group i2c"), (errno.EBUSY, os.strerror(errno.EBUSY))],
)
def test_a_bus_that_cannot_be_opened(board: Board, code: int, words: str) -> None:
    board.bus.open_error = code
    with pytest.raises(LinkError, match=words):
        board.link()


@pytest.mark.parametrize("where", ["", "1", "1:", "1:0x80", "1:2", "x:0x42", "1:0x42:3", "-1:0x42", "1:999"])
def test_malformed_addresses(where: str) -> None:
    with pytest.raises(UsageError, match="expected i2c:BUS:ADDRESS"):
        I2cLink(where)


def test_another_device_at_the_address_and_another_layout(board: Board) -> None:
    board.memory[:] = os.urandom(MEMORY_BYTES)
    link = board.link()
    with pytest.raises(LinkError, match="unreadable"):
        read_for(board, link, 10)
    pages = load_pages()
    pages.LAYOUT_VERSION = 9
    pages.Pages(board.memory, 1).set_identify(IDENTIFY)
    with pytest.raises(DataError, match="i2c:1:0x42: the board's I2C memory has layout 9"):
        read_some(board.link())
