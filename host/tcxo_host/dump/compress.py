"""Compressed byte streams that survive being cut off: gzip and zstd, chosen by the file's suffix."""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Protocol

from ..errors import DataError, missing_extra

__all__ = ["SUFFIXES", "Compressor", "Decompressor", "make_compressor", "make_decompressor"]

SUFFIXES = (".gz", ".zst")

_GZIP_WBITS = 31  # zlib's way of saying "with a gzip header and trailer"
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
    """Compressed bytes in, bytes out; several streams in a row are one."""

    def decompress(self, data: bytes) -> bytes:
        """What ``data`` completes. Raises DataError when it is damaged."""

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
    """By the stream's own magic number, so that a wrong suffix, or stdin, does no harm."""
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

    def decompress(self, data: bytes) -> bytes:
        return data


class _Gunzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WBITS)
        self.complete = False

    def decompress(self, data: bytes) -> bytes:
        parts = []
        try:
            while data:
                parts.append(self._stream.decompress(data))
                self.complete = self._stream.eof
                if not self.complete:
                    break
                data = self._stream.unused_data.lstrip(b"\0")
                self._stream = zlib.decompressobj(_GZIP_WBITS)
        except zlib.error as error:
            raise DataError(f"damaged gzip data ({error})") from None
        return b"".join(parts)


class _Unzstd:
    def __init__(self) -> None:
        self._zstandard = _zstandard()
        self._stream = self._zstandard.ZstdDecompressor().decompressobj()
        self.complete = False

    def decompress(self, data: bytes) -> bytes:
        parts = []
        try:
            while data:
                parts.append(self._stream.decompress(data))
                self.complete = self._stream.eof
                if not self.complete:
                    break
                data = self._stream.unused_data
                self._stream = self._zstandard.ZstdDecompressor().decompressobj()
        except self._zstandard.ZstdError as error:
            raise DataError(f"damaged zstd data ({error})") from None
        return b"".join(parts)


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        raise missing_extra("zstd (.gz works without)", "zstandard", "zstd") from None
