"""Which source a board's firmware was made of: a CRC over the device files, kept in one of them.

``python -m tcxo_tools.firmware_crc`` renews it, ``--check`` only says whether it is stale.
"""

from __future__ import annotations

import re
import sys
from binascii import crc32
from collections.abc import Sequence

from tcxo_firmware import DEVICE_DIR, DEVICE_FILES

from .generated import renew_file

__all__ = ["KEPT_IN", "main", "source_crc32"]

KEPT_IN = DEVICE_DIR / "tcxo" / "__init__.py"
_LINE = re.compile(rb"^SOURCE_CRC32 = .*\n", re.MULTILINE)


def source_crc32() -> int:
    """CRC-32 over name and content of every device file, the line that holds the CRC left out."""
    crc = 0
    for name in DEVICE_FILES:
        crc = crc32(name.encode() + b"\0" + _LINE.sub(b"", (DEVICE_DIR / name).read_bytes()), crc)
    return crc


def main(argv: Sequence[str] | None = None) -> int:
    """Renew or check the CRC in the device files."""
    line = f"SOURCE_CRC32 = 0x{source_crc32():08X}\n"
    return renew_file(
        argv,
        "python -m tcxo_tools.firmware_crc",
        "Renew the CRC of the device files in tcxo/__init__.py.",
        KEPT_IN,
        lambda text: _LINE.sub(line.encode(), text.encode()).decode(),
    )


if __name__ == "__main__":
    sys.exit(main())
