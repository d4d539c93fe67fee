"""Which signal ``install`` sets up on this machine, and what is in its way."""

from __future__ import annotations

import contextlib

from ...config import paths
from ...config.source import SourceConfig, check_signal
from ...errors import ConfigError, UnavailableError
from ..models import PiModel, identify_model, model_by_key
from ..pwm.header import refuse_foreign_crystal
from ..root import Root
from ..source import known_model, timing_of
from ..uart.console import console_words
from ..uart.port import find_uart, tty_name
from .plan import Cut

__all__ = ["choose_source", "consoles", "left_over"]

_BAUDS = (500, 480)
"""50 edges a second as usual, or what 1.8432 MHz, a PC's UART clock, can be divided down to."""
_COMMAND_LINES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")


def choose_source(
    root: Root, wanted: str | None, key: str | None, measure_only: bool
) -> tuple[PiModel | None, SourceConfig]:
    """The model and the signal for ``--source`` and ``--model``; the model is None beside a UART on no known Pi.

    Raises UnavailableError for a signal that says nothing of the system clock, unless ``measure_only``, and UsageError
    or ConfigError for one that there is not. A UART of this model that comes with the next boot is taken as it will be.
    """
    model = model_by_key(key) if key else known_model(root)
    if wanted is None:
        by_uart = model is not None and not model.shared_crystal and not measure_only
        wanted = "uart" if by_uart else "pwm"
    if wanted == "uart":
        model = model or identify_model(root)
        wanted = f"uart:{model.uart.device}"
    if wanted == "pwm":
        model = model or identify_model(root)
        refuse_foreign_crystal(model, measure_only)
        return model, SourceConfig()
    check_signal(wanted)
    source = SourceConfig(signal=wanted)
    if model is not None and source.device == model.uart.device and not root.exists(source.device):
        return model, source
    port = find_uart(root, source.device, model)
    for baud in _BAUDS:
        source = SourceConfig(signal=wanted, baud=baud)
        with contextlib.suppress(ConfigError):
            timing_of(port, source, model)
            return model, source
    raise UnavailableError(f"{source.device}: {port.clock_hz} Hz cannot be divided down to 500 or 480 baud")


def consoles(root: Root, source: SourceConfig, model: PiModel | None) -> tuple[Cut, ...]:
    """What the firmware's command line has to lose, so that no console is on the UART."""
    if not source.device:
        return ()
    name, first = tty_name(root, source.device), model.uart.first_serial if model else ""
    for path in _COMMAND_LINES:
        words = console_words(root, name, root.read(path) or "", first)
        if words:
            return (Cut(path, tuple(words)),)
    return ()


def left_over(root: Root, source: SourceConfig) -> tuple[str, ...]:
    """What an earlier installation with another signal left, in words."""
    if not source.device or not root.exists(paths.PWM_UNIT):
        return ()
    unit = paths.PWM_UNIT.rpartition("/")[2]
    return (f"{unit} of an earlier installation is not needed any more: sudo systemctl disable --now {unit}",)
