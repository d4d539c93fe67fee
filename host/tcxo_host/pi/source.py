"""The signal that the board measures, when the daemon starts: the PWM, or a UART that sends without pause."""

from __future__ import annotations

import logging

from ..config.settings import Config
from ..config.source import SourceConfig
from ..errors import ConfigError, TcxoError
from .models import PiModel, identify_model
from .pwm.at_start import ready_pwm
from .pwm.watch import PwmWatch
from .root import Root
from .uart.console import is_kernel_console
from .uart.divider import UartTiming, uart_timing
from .uart.feeder import Feeder
from .uart.port import UartPort, find_uart

__all__ = ["LARGEST_BIAS_PPM", "known_model", "ready_source", "ready_uart", "refuse_shared_port", "timing_of"]

log = logging.getLogger("tcxo_host")

LARGEST_BIAS_PPM = 200.0
"""A rate that is further off than this is not counted as the nominal one: crystals are off by as much besides."""


def ready_source(root: Root, config: Config) -> PwmWatch | Feeder | None:
    """Set the signal up as far as permitted, and log the outcome in one line.

    Returns what is asked from now on whether the signal may be trusted (and, a ``Feeder``, what has its ``turn`` to be
    called); None where the PWM is left alone. Raises what ``ready_pwm`` and ``ready_uart`` raise.
    """
    if config.source.device:
        refuse_shared_port(root, config.link.url, config.source)
        return ready_uart(root, config.source)
    return ready_pwm(root, config.pwm, measure_only=config.output.measure_only)


def ready_uart(root: Root, source: SourceConfig) -> Feeder:
    """A feeder for the UART, which has begun to send.

    Raises UnavailableError for a UART that says nothing of the system clock, ConfigError for a speed that it cannot
    have.
    """
    model = known_model(root)
    timing_of(find_uart(root, source.device, model), source, model)
    feeder = Feeder(source.device, source.baud)
    feeder.turn()
    port = find_uart(
        root, source.device, model
    )  # again: a driver may learn its clock when the port is opened
    feeder.bias_ppm = 0.0 if source.rate_hz else timing_of(port, source, model).bias_ppm
    if is_kernel_console(root, port.name):
        log.warning("UART: the kernel prints its messages on %s: see tcxo-host doctor", source.device)
    if not feeder():
        log.info("UART: %g Hz on %s, %.0f s in the buffer", source.uart_hz, source.device, feeder.buffered_s)
    return feeder


def refuse_shared_port(root: Root, link_url: str, source: SourceConfig) -> None:
    """Raises ConfigError where the board is to be heard through the UART that is to be the signal."""
    device = link_url.removeprefix("serial:")
    if source.device and device.startswith("/") and root.real(device) == root.real(source.device):
        raise ConfigError(
            f"{source.device} cannot be both the link to the board and the signal that it measures: connect the board"
            " by USB or I2C, or take another signal"
        )


def timing_of(port: UartPort, source: SourceConfig, model: PiModel | None) -> UartTiming:
    """What the UART makes of the wanted speed. Raises ConfigError when it cannot make it."""
    bias_ppm = model.timer_bias_ppm if model else 0.0
    try:
        timing = uart_timing(port.kind, port.clock_hz, source.baud, source.uart_hz, bias_ppm)
    except ValueError as error:
        raise ConfigError(f"source.baud: {error}") from None
    if not source.rate_hz and abs(timing.bias_ppm) > LARGEST_BIAS_PPM:
        raise ConfigError(
            f"source.baud = {source.baud}: {port.device} makes {float(timing.rate_hz):.3f} Hz of it"
            f" ({port.clock_hz} Hz / 16 / {float(timing.divisor):g} / 10) and not {source.uart_hz:g} Hz: 480 suits a PC"
        )
    return timing


def known_model(root: Root) -> PiModel | None:
    """The Raspberry Pi that this is, or None."""
    try:
        return identify_model(root)
    except TcxoError:
        return None
