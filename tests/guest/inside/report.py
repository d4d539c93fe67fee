"""One line a check, for the machine outside to read."""

from __future__ import annotations

import subprocess
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def check(name: str, test: Callable[[], None]) -> None:
    """Run ``test``; report ``ok``, or what went wrong."""
    try:
        test()
    except Exception as error:
        traceback.print_exc()
        print(f"REPORT {name} FAILED {type(error).__name__}: {error}".replace("\n", " | "), flush=True)
    else:
        print(f"REPORT {name} ok", flush=True)


def load_modules(parameters: Mapping[str, Sequence[str]] | None = None) -> None:
    """Insert every module of the image, in order; ``parameters`` by file name."""
    for name in Path("/modules/order").read_text().split():
        if name != "bcm2835_wdt.ko":  # loaded by init, at the end
            subprocess.run(["insmod", f"/modules/{name}", *(parameters or {}).get(name, ())], check=True)
