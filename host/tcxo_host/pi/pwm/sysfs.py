"""One PWM channel through sysfs: find it, read it, bring it to a rate, switch it off."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from ...errors import DataError, PermissionRefused, TcxoError, UnavailableError
from ..models import PiModel, PwmPin
from ..root import Root

__all__ = ["Channel", "PwmState", "find_channel"]

_CLASS = "/sys/class/pwm"
_UDEV_TRIES = 40
_UDEV_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class PwmState:
    """A channel as sysfs shows it: what was asked for, not what the hardware makes of it."""

    exported: bool
    period_ns: int = 0
    duty_ns: int = 0
    enabled: bool = False
    polarity: str = "normal"

    def gives(self, period_ns: int) -> bool:
        """Whether this already is a square wave of that period, on the pin."""
        return self == PwmState(True, period_ns, period_ns // 2, True, "normal")


@dataclass
class Channel:
    """Channel ``number`` of the chip directory ``chip``. ``pause`` waits that many seconds."""

    root: Root
    chip: str
    number: int
    pause: Callable[[float], None]
    writes: list[tuple[str, str]] = field(default_factory=list)
    """What was written, in order: file name and text."""

    @property
    def directory(self) -> str:
        """The channel's own directory, there while it is exported."""
        return f"{self.chip}/pwm{self.number}"

    def state(self) -> PwmState:
        """Read the channel. Raises DataError when sysfs does not hold a PWM state."""
        if not self.root.exists(self.directory):
            return PwmState(exported=False)
        enable = self._number("enable")
        polarity = self.root.read(f"{self.directory}/polarity") or "normal"
        if enable not in (0, 1) or polarity not in ("normal", "inversed"):
            raise DataError(
                f"{self.directory} says enable={enable}, polarity={polarity}: not a state that a PWM can be in",
                "reboot, and report it if it stays",
            )
        return PwmState(True, self._number("period"), self._number("duty_cycle"), enable == 1, polarity)

    def set_square_wave(self, period_ns: int) -> bool:
        """Bring the channel to an enabled square wave of ``period_ns``; return whether anything changed.

        A channel that is already right is not touched, so its phase goes on undisturbed.
        Raises UnavailableError when a kernel driver owns the channel, PermissionRefused, or DataError
        when the channel does not keep what was written.
        """
        before = self.state()
        if before.gives(period_ns):
            return False
        if not before.exported:
            self._export()
            before = self.state()
        if before.period_ns != period_ns:
            if before.duty_ns > period_ns:
                self._write("duty_cycle", "0")
            self._write("period", str(period_ns))
        if before.duty_ns != period_ns // 2:
            self._write("duty_cycle", str(period_ns // 2))
        if before.polarity != "normal":
            self._write_polarity(before.enabled)
        if not self.state().enabled:
            self._write("enable", "1")
        after = self.state()
        if not after.gives(period_ns):
            raise DataError(
                f"{self.directory} was set to {period_ns} ns but reads {after.period_ns} ns,"
                f" duty {after.duty_ns} ns, enable {int(after.enabled)}: another program is changing it"
                " (look for pigpiod, wiringpi or a fan script)",
                "stop that and set up again",
            )
        return True

    def switch_off(self) -> bool:
        """Disable and release the channel; return whether it was there."""
        before = self.state()
        if not before.exported:
            return False
        # First disable: a channel that is only unexported keeps its state for the next user.
        if before.enabled:
            self._write("enable", "0")
        try:
            self._write_file(f"{self.chip}/unexport", str(self.number))
        except OSError as error:
            raise _explain(error, f"{self.chip}/unexport", str(self.number)) from None
        return True

    def _number(self, name: str) -> int:
        text = self.root.read(f"{self.directory}/{name}")
        if text is None or not text.isdigit():
            raise DataError(
                f"{self.directory}/{name} reads {text!r} where a number belongs",
                "reboot, and report it if it stays",
            )
        return int(text)

    def _export(self) -> None:
        try:
            self._write_file(f"{self.chip}/export", str(self.number))
        except OSError as error:
            if error.errno == errno.EBUSY:
                # Someone else exported it just now (then the directory appears), or the kernel uses it.
                if not self._wait_for_directory():
                    raise UnavailableError(
                        f"{self.chip} channel {self.number} is in use by a kernel driver (a fan, backlight or"
                        " audio overlay)",
                        "remove that overlay from config.txt or take another pin",
                    ) from None
                return
            if error.errno in (errno.ENODEV, errno.EINVAL):
                count = self.root.read(f"{self.chip}/npwm")
                raise UnavailableError(
                    f"{self.chip} has {count} channels and no channel {self.number}:"
                    " it is not the header's PWM"
                ) from None
            raise _explain(error, f"{self.chip}/export", str(self.number)) from None
        if not self._wait_for_directory():
            raise UnavailableError(
                f"{self.directory} did not appear within {_UDEV_TRIES * _UDEV_PAUSE_S:.0f} s of its export",
                "see dmesg for the PWM driver's message",
            )

    def _wait_for_directory(self) -> bool:
        for _ in range(_UDEV_TRIES):
            if self.root.exists(f"{self.directory}/enable"):
                return True
            self.pause(_UDEV_PAUSE_S)
        return False

    def _write_polarity(self, was_enabled: bool) -> None:
        try:
            self._write_file(f"{self.directory}/polarity", "normal")
        except OSError as error:
            if error.errno != errno.EBUSY or not was_enabled:
                raise _explain(error, f"{self.directory}/polarity", "normal") from None
            self._write("enable", "0")  # some drivers change polarity only while disabled
            self._write("polarity", "normal")

    def _write(self, name: str, text: str) -> None:
        path = f"{self.directory}/{name}"
        try:
            self._write_file(path, text)
        except OSError as error:
            raise _explain(error, path, text) from None

    def _write_file(self, path: str, text: str) -> None:
        # Straight after an export udev is still handing the files to their group: EACCES passes.
        tries = _UDEV_TRIES if self.writes and self.writes[0][0] == "export" else 1
        for left in reversed(range(tries)):
            try:
                self.root.write(path, text)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EPERM):
                    raise
                if not left:
                    raise PermissionRefused(
                        f"{path} may not be written by this user: run it with sudo (at boot the unit"
                        " tcxo-host-pwm.service does it), or join the gpio group where udev grants it"
                    ) from None
                self.pause(_UDEV_PAUSE_S)
            else:
                self.writes.append((path.rpartition("/")[2], text))
                return


def find_channel(root: Root, model: PiModel, pin: PwmPin, pause: Callable[[float], None]) -> Channel:
    """The channel behind a header pin: the chip is found by its device's address, never by its number.

    Raises UnavailableError, with the line that adds it, when the kernel has no such PWM.
    """
    seen = []
    for name in root.names(_CLASS):
        device = root.link_name(f"{_CLASS}/{name}/device") or ""
        if device.endswith(model.pwm_device):
            count = root.read(f"{_CLASS}/{name}/npwm") or "0"
            if pin.channel >= int(count if count.isdigit() else 0):
                raise UnavailableError(
                    f"{_CLASS}/{name} ({device}) has {count} channels, so none for GPIO{pin.gpio}"
                    f" (channel {pin.channel})",
                    "use GPIO12 or GPIO13",
                )
            return Channel(root, f"{_CLASS}/{name}", pin.channel, pause)
        seen.append(f"{name} at {device or 'no device'}")
    others = f" (there is {', '.join(seen)})" if seen else ""
    raise UnavailableError(
        f"the kernel has no PWM at *{model.pwm_device}{others}",
        f"add the line {model.overlay_line(pin)!r} to /boot/firmware/config.txt and reboot",
    )


def _explain(error: OSError, path: str, text: str) -> TcxoError:
    """What a refused write means, as one sentence."""
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno == errno.EINVAL:
        return DataError(f"the PWM driver refuses {text!r} for {path} ({name}): the rate is out of its range")
    if error.errno in (errno.ENOENT, errno.ENODEV):
        return UnavailableError(
            f"{path} went away while it was being set up: another program released the PWM channel", "stop it"
        )
    return DataError(f"{path} cannot be set to {text!r} ({name})", "see dmesg for the PWM driver's message")
