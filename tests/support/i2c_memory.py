"""The board's I2C memory with the board's own writer, its reader and a bus between them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType

import pytest
from tcxo_firmware import DEVICE_DIR
from tcxo_host.link.i2c import I2cLink
from tcxo_protocol.i2c_pages import MEMORY_BYTES
from tcxo_protocol.records import Channel, Edges, Identify, Text, build_record, parse_payload

from support.fake_i2c import FakeBus, MemoryDevice

IDENTIFY = build_record(Identify(7, 1, 84_000_000, 32, "0.1.0", "SIM", "1.26", (Channel(1, 1, 1000, "X1"),)))


def load_pages() -> ModuleType:
    """The very file that runs on the board."""
    spec = importlib.util.spec_from_file_location("device_pages", DEVICE_DIR / "tcxo/pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def edges(number: int) -> bytes:
    return build_record(Edges(1, 0, number, tuple(range(number * 100, number * 100 + 5))))


def text(number: int) -> bytes:
    """A record that says its number, in one of many lengths."""
    return build_record(Text(f"{number} " + "x" * (number % 150)))


def texts_of(payloads: list[bytes]) -> list[str]:
    return [record.text for payload in payloads for record in parse_payload(payload)]


class Registers:
    """Reads of a memory, optionally with something happening before every byte."""

    def __init__(self, memory: bytearray, before_byte: Callable[[], None] = lambda: None) -> None:
        self._memory = memory
        self._before_byte = before_byte

    def __call__(self, offset: int, count: int) -> bytes:
        data = bytearray()
        for at in range(offset, offset + count):
            self._before_byte()
            data.append(self._memory[at])
        return bytes(data)


class MemoryBoard:
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


def read_some(link: I2cLink, seconds: float = 1.0) -> list[bytes]:
    """Whatever comes within so many seconds of the board's clock, at most one batch."""
    return [each.payload for each in link.read(seconds)]
