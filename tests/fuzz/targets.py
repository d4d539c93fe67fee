"""What bytes from outside meet first, one function each: any input ends well or in a documented exception.

``TARGETS`` by name; anything that one of them raises is a fault. Checksums are made right where the bytes say
so, since no fuzzer guesses them.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator

import numpy as np
from construct import ConstructError
from tcxo_host.capture.columns import load
from tcxo_host.capture.compress import make_decompressor
from tcxo_host.config.load import parse_config
from tcxo_host.config.text import config_text
from tcxo_host.daemon.state_file import parse_state
from tcxo_host.dump.analyse.stats import capture_info, channel_stats
from tcxo_host.dump.formats.edge_lines import ROLES, EdgeLines
from tcxo_host.dump.formats.importers import read_text
from tcxo_host.dump.formats.jsonl import entries_of_jsonl, jsonl_lines
from tcxo_host.dump.formats.synthesis import odd_rates, refuse_unfit, synthesise
from tcxo_host.dump.formats.text_rows import detect_format
from tcxo_host.edges.second import Board, Second
from tcxo_host.errors import ConfigError, DataError, UsageError
from tcxo_host.estimate.kalman.estimator import Kalman
from tcxo_host.publish.baseline import parse_stored
from tcxo_protocol.capture_file import CaptureDecoder, CaptureEncoder, Entry
from tcxo_protocol.framing import FrameDecoder, encode_frame
from tcxo_protocol.i2c_pages import MEMORY_BYTES, PageReader, PagesError
from tcxo_protocol.records import IdentityError, ProtocolError, build_record, parse_payload

__all__ = ["TARGETS"]


class Pieces:
    """Takes bytes off an input; zeros when there are none left."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.left = len(data)

    def take(self, count: int) -> bytes:
        self.left = max(0, self.left - count)
        return self._file.read(count).ljust(count, b"\0")

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size), "little")

    def chunk(self) -> bytes:
        return self.take(min(self.number(2), self.left))


def framing(data: bytes) -> None:
    """Bytes of a line, cut anywhere: the frames do not depend on where, and sizes stay bounded."""
    whole, cut = FrameDecoder(), FrameDecoder()
    pieces = Pieces(data)
    line = b"".join(encode_frame(pieces.number(2), pieces.chunk()[:1000]) for _ in range(pieces.number() % 4))
    line += pieces.take(pieces.left)
    found = whole.feed(line)
    assert found == [frame for at in range(len(line)) for frame in cut.feed(line[at : at + 1])]
    assert whole.counts == cut.counts


def records(data: bytes) -> None:
    """A payload is records or a ProtocolError; what was parsed is built and parsed to the same."""
    try:
        found = parse_payload(data)
    except ProtocolError:
        return
    for record in found:
        try:
            again = build_record(record)
        except (
            ConstructError,
            UnicodeEncodeError,
        ):  # a name of 255 replacement characters, a newer minor version
            continue
        assert parse_payload(again)[0] == record


def pages(data: bytes) -> None:
    """A board's memory that changes under every read: payloads, or a PagesError; never many, never for long."""
    pieces = Pieces(data)
    memory = bytearray(MEMORY_BYTES)
    reads = 0

    def read_registers(offset: int, count: int) -> bytes:
        nonlocal reads
        reads += 1
        at = pieces.number(2) % MEMORY_BYTES
        part = pieces.chunk()
        memory[at : at + len(part)] = part[: MEMORY_BYTES - at]
        return _checked(bytes(memory[offset : offset + count]).ljust(count, b"\0"), pieces.number())

    reader = PageReader()
    for _ in range(6):
        reads = 0
        try:
            found = reader.poll(read_registers)
        except PagesError:
            continue
        assert len(found.payloads) <= 16
        assert reads <= 100


def _checked(data: bytes, how: int) -> bytes:
    """A page with its checksum made right: 1 a head, 2 a slot, else as it is."""
    from binascii import crc32

    if how % 4 == 1:
        return data[:-4] + crc32(data[:-4]).to_bytes(4, "little")
    if how % 4 == 2:
        return data[:-8] + crc32(data[:-8]).to_bytes(4, "little") + data[:4]
    return data


def capture(data: bytes) -> None:
    """A capture file, as it is or with entries made whole: shown, exported, imported again, analysed."""
    entries = list(_entries(data))
    lines = list(jsonl_lines(entries))
    problems: list[str] = []
    list(entries_of_jsonl(lines, problems))
    shown = EdgeLines("records", set(ROLES)), EdgeLines("timelab", set(ROLES))
    for entry in entries[:200]:
        for each in shown:
            list(each.of(entry))
    try:
        found = load(entries)
    except IdentityError:
        return
    with np.errstate(all="ignore"):
        json.dumps(capture_info(found))
        try:
            json.dumps(channel_stats(found))
        except DataError:
            return


def _entries(data: bytes) -> Iterator[Entry]:
    pieces = Pieces(data)
    decoder = CaptureDecoder()
    if pieces.number() % 2:
        encoder = CaptureEncoder()
        host_ns = 1 << 40
        while pieces.left:
            kind, body = pieces.number() % 8, pieces.chunk()[:4000]
            host_ns += pieces.number(4)
            yield from decoder.feed(encoder.encode(kind, host_ns, 1 << 60, body))
    else:
        rest = pieces.take(pieces.left)
        decompressor = make_decompressor(rest)
        try:
            for piece in decompressor.decompress(rest):
                assert len(piece) < 8 << 20
                yield from decoder.feed(piece)
        except DataError:
            pass
    yield from decoder.close()


def settings(data: bytes) -> None:
    """A TOML file: settings that print as such and come back the same, or a ConfigError of one line."""
    try:
        config = parse_config(data, "x.toml")
    except ConfigError as error:
        assert str(error).startswith("x.toml: ")
        return
    assert parse_config(config_text(config).encode(), "again") == config


_BOARD = Board("b", 1, 84e6, {"gps_pps": 1.0, "host_pwm": 50.0})
_SECONDS = [
    Second(
        84_000_000 * (n + 1),
        {
            "gps_pps": np.array([84_000_000 * n + 5], np.int64),
            "host_pwm": 84_000_000 * n + np.arange(50, dtype=np.int64) * 1_680_000,
        },
        {},
        25.0 + n,
    )
    for n in range(4)
]


def state(data: bytes) -> None:
    """A state file: a ValueError, or an estimator that runs on it and saves numbers."""
    for kind, take in (("tcxo-host kalman", _run_on), ("tcxo-host baseline", parse_stored)):
        try:
            content, saved_s = parse_state(data, kind)
            take({**content, "age_s": max(0.0, 1e9 - saved_s)})
        except ValueError:
            continue


def _run_on(content: dict[str, object]) -> None:
    kalman = Kalman()
    kalman.import_state(content)
    try:
        for second in _SECONDS:
            if kalman.clocks is None:
                kalman.restart(_BOARD)
            estimate = kalman.update(second)
        numbers = (estimate.freq_error_ppm, estimate.sigma_ppm, estimate.tcxo_ppm, estimate.tcxo_sigma_ppm)
        assert all(math.isfinite(each) for each in numbers if each is not None)
        json.dumps(kalman.export_state(), allow_nan=False)
    except ValueError as error:
        raise AssertionError("a state that was taken does not work") from error


def text(data: bytes) -> None:
    """Another counter's text: edges that make a capture, or one sentence."""
    pieces = Pieces(data)
    tick_hz = (None, 1, 1000, 84_000_000, 4_294_967_295)[pieces.number() % 5]
    bits = (None, 16, 32, 48)[pieces.number() % 4]
    lines = pieces.take(pieces.left).decode("utf8", "replace").split("\n")
    form = detect_format(lines)
    try:
        found = read_text(
            lines, "csv" if form == "jsonl" else form, where="x", tick_hz=tick_hz, counter_bits=bits
        ).imported
        refuse_unfit(found, "x")
    except (DataError, UsageError) as error:
        assert str(error).startswith("x: ")
        return
    odd_rates(found, {})
    encoder = CaptureEncoder()
    for entry in synthesise(found):
        encoder.encode(entry.kind, entry.host_ns, 0, entry.body)


def jsonl(data: bytes) -> None:
    """JSON lines: entries that fit a capture, and what is told of the others."""
    problems: list[str] = []
    encoder = CaptureEncoder()
    for entry in entries_of_jsonl(data.decode("utf8", "replace").split("\n"), problems):
        encoder.encode(entry.kind, entry.host_ns, 0, entry.body)
    assert len(problems) <= 4


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (framing, records, pages, capture, settings, state, text, jsonl)
}
