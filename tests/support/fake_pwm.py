"""A tree whose PWM answers writes as the kernel does: the errno table observed on a real driver."""

from __future__ import annotations

import errno
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tcxo_host.pi.root import Root


@dataclass
class Hardware:
    """One channel's state, kept over unexport as the kernel keeps it."""

    period: int = 0
    duty_cycle: int = 0
    enable: int = 0
    polarity: str = "normal"


class FakePwmTree(Root):
    """``base`` must hold a chip directory; ``owned`` are channels that a kernel driver has taken.

    ``denied_writes``: that many writes after an export fail with EACCES, as while udev sets the group.
    ``polarity_needs_disabled``: as some drivers other than the Pi's.
    """

    def __init__(self, base: Path, chip: str = "pwmchip0") -> None:
        super().__init__(base)
        self.chip_path = f"/sys/class/pwm/{chip}"
        self.chip = self.path(self.chip_path)
        self.npwm = int((self.chip / "npwm").read_text())
        self.channels = {number: Hardware() for number in range(self.npwm)}
        self.owned: set[int] = set()
        self.denied_writes = 0
        self.always_denied = False
        self.polarity_needs_disabled = False
        self.log: list[tuple[str, str]] = []

    def start_with(self, number: int, *, exported: bool = True, **state: int | str) -> None:
        """Put a channel into a state, as another program would have left it."""
        self.channels[number] = Hardware(**state)  # type: ignore[arg-type]
        if exported:
            self._show(number)

    def write(self, path: str, text: str) -> None:
        assert path.startswith(self.chip_path), path
        local = path.removeprefix(self.chip_path + "/")
        self.log.append((local, text))
        if self.always_denied or (self.denied_writes and "/" in local):
            self.denied_writes = max(0, self.denied_writes - 1)
            raise OSError(errno.EACCES, "Permission denied")
        if local in ("export", "unexport"):
            getattr(self, f"_{local}")(text)
            return
        number = int(re.fullmatch(r"pwm(\d+)/\w+", local)[1])  # type: ignore[index]
        if not self._directory(number).exists():
            raise OSError(errno.ENOENT, "No such file")
        self._store(number, local.partition("/")[2], text)
        self._show(number)

    def _directory(self, number: int) -> Path:
        return self.chip / f"pwm{number}"

    def _channel_of(self, text: str) -> int:
        if not text.strip().isdigit():
            raise OSError(errno.EINVAL, "Invalid argument")
        if int(text) >= self.npwm:
            raise OSError(errno.ENODEV, "No such device")
        return int(text)

    def _export(self, text: str) -> None:
        number = self._channel_of(text)
        if number in self.owned or self._directory(number).exists():
            raise OSError(errno.EBUSY, "Device or resource busy")
        self._show(number)

    def _unexport(self, text: str) -> None:
        number = self._channel_of(text)
        if not self._directory(number).exists():
            raise OSError(errno.ENODEV, "No such device")
        shutil.rmtree(self._directory(number))

    def _store(self, number: int, name: str, text: str) -> None:
        now = self.channels[number]
        new = Hardware(**vars(now))
        if name == "polarity":
            if text not in ("normal", "inversed"):
                raise OSError(errno.EINVAL, "Invalid argument")
            if self.polarity_needs_disabled and now.enable:
                raise OSError(errno.EBUSY, "Device or resource busy")
            new.polarity = text
        else:
            if not text.isdigit() or (name == "enable" and text not in ("0", "1")):
                raise OSError(errno.EINVAL, "Invalid argument")
            setattr(new, name, int(text))
        # drivers/pwm/core.c refuses any state without a period, or with a duty beyond it
        if not new.period or new.duty_cycle > new.period:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.channels[number] = new

    def _show(self, number: int) -> None:
        directory = self._directory(number)
        directory.mkdir(exist_ok=True)
        for name, value in vars(self.channels[number]).items():
            (directory / name).write_text(f"{value}\n")
