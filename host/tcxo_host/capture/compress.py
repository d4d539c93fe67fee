"""Compressed byte streams that survive being cut off: gzip and zstd, chosen by the file's suffix."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from ..errors import DataError, missing_extra

__all__ = ["SUFFIXES", "Compressor", "Decompressor", "make_compressor", "make_decompressor"]

SUFFIXES = (".gz", ".zst")

MOST_AT_ONCE = 1 << 20
"""Bytes of a piece, approximately."""
MOST_EXPANSION = 200
"""Bytes out for a byte in..."""
FREE_BYTES = 64 << 20
"""...beyond this many."""
_SLICE_BYTES = 1 << 14
_ZSTD_SLICE_BYTES = 64
"""A zstd block has 3 bytes or more and expands to at most 128 KiB."""
_ZSTD_WINDOW = 1 << 27
"""What ``zstd --long`` makes, and the most that zstd reads without an option."""
_GZIP_WBITS = 31  # for zlib: with a gzip header and trailer
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Compressor(Protocol):
    """Bytes in, compressed bytes out; after ``flush`` everything put in can be read back."""

    def compress(self, data: bytes) -> bytes:
        """Take data; what is ready to be written, possibly nothing."""

    def flush(self) -> bytes:
        """All that was taken so far, readable even if nothing follows."""

    def finish(self) -> bytes:
        """The end of the stream."""


class Decompressor(Protocol):
    """Compressed bytes in, bytes out; several streams in a row are one.

    However much a few bytes expand to, no more than some ``MOST_AT_ONCE`` is in memory.
    """

    def decompress(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` completes, in pieces. Raises DataError when it is damaged, or expands too far."""

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its proper end."""


def make_compressor(suffix: str) -> Compressor:
    """For ``.gz``, ``.zst``, or anything else: none. Raises UnavailableError when zstd is not installed."""
    if suffix == ".gz":
        return _Gzip()
    if suffix == ".zst":
        return _Zstd()
    return _Plain()


def make_decompressor(first_bytes: bytes) -> Decompressor:
    """By the stream's own magic number, so that a wrong suffix, or stdin, does not matter."""
    if first_bytes.startswith(_GZIP_MAGIC):
        return _Gunzip()
    if first_bytes.startswith(_ZSTD_MAGIC):
        return _Unzstd()
    return _Verbatim()


class _Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""

    finish = flush


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WBITS)

    def compress(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def flush(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush(zlib.Z_FINISH)


class _Zstd:
    def __init__(self) -> None:
        self._zstandard = _zstandard()
        self._stream = self._zstandard.ZstdCompressor(level=6).compressobj()

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush(self._zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def finish(self) -> bytes:
        return bytes(self._stream.flush(self._zstandard.COMPRESSOBJ_FLUSH_FINISH))


class _Verbatim:
    complete = True

    def decompress(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Guard:
    """Counts bytes in and out. No capture or log shrinks so much."""

    def __init__(self) -> None:
        self._allowed = FREE_BYTES

    def passed(self, taken: int, given: bytes) -> bytes:
        self._allowed += taken * MOST_EXPANSION - len(given)
        if self._allowed < 0:
            raise DataError(f"compressed data that expand more than {MOST_EXPANSION} times")
        return given


class _Gunzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WBITS)
        self._guard = _Guard()
        self.complete = False

    def decompress(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _SLICE_BYTES):
                yield from self._slice(data[start : start + _SLICE_BYTES])
        except zlib.error as error:
            raise DataError(f"damaged gzip data ({error})") from None

    def _slice(self, data: bytes) -> Iterator[bytes]:
        taken = len(data)
        while data:
            if self._stream.eof:
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._stream = zlib.decompressobj(_GZIP_WBITS)
            given = self._stream.decompress(data, MOST_AT_ONCE)
            self.complete = self._stream.eof
            yield self._guard.passed(taken, given)
            taken = 0
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


class _Unzstd:
    def __init__(self) -> None:
        self._zstandard = _zstandard()
        self._stream = self._new()
        self._guard = _Guard()
        self.complete = False

    def decompress(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _ZSTD_SLICE_BYTES):
                yield from self._slice(data[start : start + _ZSTD_SLICE_BYTES])
        except (self._zstandard.ZstdError, MemoryError) as error:
            raise DataError(f"damaged zstd data ({error})") from None

    def _slice(self, data: bytes) -> Iterator[bytes]:
        taken = len(data)
        while data:
            if self._stream.eof:
                self._stream = self._new()
            given = self._stream.decompress(data)
            self.complete = self._stream.eof
            yield self._guard.passed(taken, given)
            taken = 0
            data = self._stream.unused_data if self._stream.eof else b""

    def _new(self) -> Any:
        return self._zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        raise missing_extra("zstd (.gz works without)", "zstandard", "zstd") from None
