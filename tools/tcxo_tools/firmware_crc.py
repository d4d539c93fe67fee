"""Keeps the CRC of the device files up to date.

``python -m tcxo_tools.firmware_crc`` renews it, ``--check`` only says whether it is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tcxo_host.flash.source_crc import KEPT_IN, source_crc32, with_crc32

from .generated import renew_file

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Renew or check the CRC in the device files."""
    return renew_file(
        argv,
        "python -m tcxo_tools.firmware_crc",
        "Renew the CRC of the device files in tcxo/__init__.py.",
        KEPT_IN,
        lambda text: with_crc32(text, source_crc32()),
    )


if __name__ == "__main__":
    sys.exit(main())
