"""The 50 Hz at the header pin as a whole: model, clock tree and sysfs channel together."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import ConfigError, TcxoError, UnavailableError, UsageError
from ..models import PiModel, PwmPin, identify_model
from ..root import Root
from .clock_tree import PwmTiming, nominal_period_ns, pwm_timing
from .sysfs import Channel, PwmState, find_channel

__all__ = [
    "MAX_RATE_HZ",
    "PwmReport",
    "kernel_release",
    "kernel_version",
    "look",
    "prepare",
    "refuse_foreign_crystal",
    "requested_clock_hz",
    "switch_off",
]

MAX_RATE_HZ = 1000
"""More edges a second than this gain nothing and cost the board its time."""


@dataclass(frozen=True, slots=True)
class PwmReport:
    """What the PWM is and should be. ``problem``: what is wrong, or empty; ``remedy``: what to do."""

    model: PiModel
    pin: PwmPin
    rate_hz: int
    chip: str | None
    state: PwmState | None
    timing: PwmTiming
    problem: str = ""
    remedy: str = ""
    changed: bool = False

    @property
    def right(self) -> bool:
        """Whether the wanted square wave is on the pin."""
        return self.state is not None and self.state.gives(nominal_period_ns(self.rate_hz))

    @property
    def advice(self) -> str:
        """Problem and remedy in one sentence, or empty."""
        return f"{self.problem}: {self.remedy}" if self.remedy else self.problem


def look(root: Root, rate_hz: int = 50, gpio: int = 12, model: PiModel | None = None) -> PwmReport:
    """Read everything, change nothing.

    Raises UsageError for a rate or pin that cannot be, UnavailableError for a machine that is not a known
    Raspberry Pi. A PWM that is missing or wrong is a report with a ``problem``, not an error.
    """
    model = model or identify_model(root)
    pin = model.pin(gpio)
    timing = _timing(root, model, rate_hz)
    try:
        channel = find_channel(root, model, pin, time.sleep)
        state = channel.state()
    except TcxoError as error:
        return PwmReport(model, pin, rate_hz, None, None, timing, error.problem, error.remedy)
    report = PwmReport(model, pin, rate_hz, channel.chip, state, timing)
    if report.right:
        return report
    now = _describe(state)
    problem = f"GPIO{gpio} gives {now} where {rate_hz} Hz is wanted"
    return PwmReport(
        model, pin, rate_hz, channel.chip, state, timing, problem, "run 'sudo tcxo-host pwm setup'"
    )


def prepare(
    root: Root,
    rate_hz: int = 50,
    gpio: int = 12,
    *,
    measure_only: bool = False,
    model: PiModel | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> PwmReport:
    """Bring the PWM to ``rate_hz``, from any state; a PWM that is right already is not touched.

    Raises UnavailableError on a Pi whose PWM is not driven by the system clock's crystal, unless
    ``measure_only``; otherwise as ``look`` and ``Channel.set_square_wave``.
    """
    model = model or identify_model(root)
    refuse_foreign_crystal(model, measure_only)
    pin = model.pin(gpio)
    timing = _timing(root, model, rate_hz)
    channel = find_channel(root, model, pin, pause)
    changed = channel.set_square_wave(nominal_period_ns(rate_hz))
    return PwmReport(model, pin, rate_hz, channel.chip, channel.state(), timing, changed=changed)


def switch_off(root: Root, gpio: int = 12, model: PiModel | None = None) -> tuple[Channel, bool]:
    """Disable and release the PWM; the second value says whether it was exported."""
    model = model or identify_model(root)
    channel = find_channel(root, model, model.pin(gpio), time.sleep)
    return channel, channel.switch_off()


def refuse_foreign_crystal(model: PiModel, measure_only: bool) -> None:
    """Raise UnavailableError when the PWM says nothing about the system clock and ``measure_only`` is off."""
    if model.shared_crystal or measure_only:
        return
    raise UnavailableError(
        f"on a {model.title} the header's PWM runs from the RP1 chip's own"
        f" {model.pwm_crystal_hz // 1_000_000} MHz crystal and the system clock from another one, so this"
        " PWM does not measure the system clock and a correction from it would be wrong: let the"
        f" processor's own UART be the signal (source.signal = \"uart:{model.uart.device}\", which 'tcxo-host install'"
        " sets up), or use --measure-only to measure without correcting"
    )


def requested_clock_hz(root: Root, model: PiModel) -> int | None:
    """The rate that the running device tree asks of the PWM's clock, Hz, or None when it is not told."""
    for node in model.pwm_nodes:
        data = root.read_bytes(f"{node}/assigned-clock-rates")
        if data is not None and len(data) >= 4:
            return int.from_bytes(data[:4], "big") or None
    return None


def kernel_release(root: Root) -> str:
    """The kernel's release, e.g. ``6.6.31+rpt-rpi-v8``; empty when it is not known."""
    release = root.read("/proc/sys/kernel/osrelease")
    if release is None and root.is_live:
        return platform.release()
    return release or ""


def kernel_version(root: Root) -> tuple[int, int]:
    """Major and minor version of the kernel; a current one when it is not known."""
    match = re.match(r"(\d+)\.(\d+)", kernel_release(root))
    return (int(match[1]), int(match[2])) if match else (6, 1)


def _timing(root: Root, model: PiModel, rate_hz: int) -> PwmTiming:
    if not 1 <= rate_hz <= MAX_RATE_HZ:
        raise UsageError(f"a PWM rate of {rate_hz} Hz is not possible: use 1 to {MAX_RATE_HZ} Hz, best 50")
    plld = root.read("/sys/kernel/debug/clk/plld_per/clk_rate")
    try:
        return pwm_timing(
            model,
            rate_hz,
            requested_clock_hz=requested_clock_hz(root, model),
            plld_hz=int(plld) if plld and plld.isdigit() and model.plld_hz else None,
            kernel=kernel_version(root),
        )
    except ValueError as error:
        line = model.overlay_line(model.pins[0])
        raise ConfigError(f"{error}: put the line {line!r} into config.txt and reboot") from None


def _describe(state: PwmState) -> str:
    if not state.exported:
        return "nothing (not exported)"
    rate = f"{1e9 / state.period_ns:g} Hz" if state.period_ns else "no period"
    inverted = ", inverted" if state.polarity != "normal" else ""
    return f"{rate}, duty {state.duty_ns} ns{inverted}, {'enabled' if state.enabled else 'disabled'}"
