"""The board's firmware as data: which files go on a board, and the stand-ins to run them on Linux."""

import re
from pathlib import Path

__all__ = ["BOARDS_DIR", "DEVICE_DIR", "DEVICE_FILES", "SELFTEST_PART", "board_names", "firmware_version"]

DEVICE_DIR = Path(__file__).parent / "device"
BOARDS_DIR = Path(__file__).parent / "boards"
SELFTEST_PART = Path(__file__).parent / "sent" / "selftest.py"

DEVICE_FILES = (
    "tcxo/__init__.py",
    "tcxo/app.py",
    "tcxo/board.py",
    "tcxo/capture.py",
    "tcxo/clock.py",
    "tcxo/crash.py",
    "tcxo/health.py",
    "tcxo/isr.py",
    "tcxo/isr_plain.py",
    "tcxo/layout.py",
    "tcxo/pages.py",
    "tcxo/reports.py",
    "tcxo/ring.py",
    "tcxo/serial.py",
    "tcxo/wire.py",
    "main.py",
)
"""What is copied to a board, relative to DEVICE_DIR, in copying order: ``main.py`` last. Never a directory
listing: pip leaves ``__pycache__`` there. The board's own ``board_config.py`` goes beside ``main.py``."""


def board_names() -> list[str]:
    """Boards that have a folder, the simulated one included."""
    return sorted(path.parent.name for path in BOARDS_DIR.glob("*/board_config.py"))


def firmware_version() -> str:
    """The version that a board sends, which is also the project's. Read from the device file, its only place."""
    found = re.search(r'^VERSION = "(.+)"$', (DEVICE_DIR / "tcxo/__init__.py").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]
