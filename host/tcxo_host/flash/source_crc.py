"""Which source a board's firmware was made of: a CRC over the device files, kept in one of them."""

from __future__ import annotations

import re
from binascii import crc32

from tcxo_firmware import DEVICE_DIR, DEVICE_FILES

__all__ = ["KEPT_IN", "source_crc32", "with_crc32"]

KEPT_IN = DEVICE_DIR / "tcxo" / "__init__.py"
_LINE = re.compile(rb"^SOURCE_CRC32 = .*\n", re.MULTILINE)


def source_crc32() -> int:
    """CRC-32 over name and content of every device file, the line that holds the CRC left out."""
    crc = 0
    for name in DEVICE_FILES:
        crc = crc32(name.encode() + b"\0" + _LINE.sub(b"", (DEVICE_DIR / name).read_bytes()), crc)
    return crc


def with_crc32(text: str, crc: int) -> str:
    """The content of ``KEPT_IN`` with this CRC in its line."""
    return _LINE.sub(f"SOURCE_CRC32 = 0x{crc:08X}\n".encode(), text.encode()).decode()
