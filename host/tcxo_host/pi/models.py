"""The Raspberry Pi models as data: crystals, clocks, PWM device, pins, overlay."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import UnavailableError, UsageError
from .root import Root

__all__ = ["MODELS", "PiModel", "PiUart", "PwmPin", "identify_model", "model_by_key"]


@dataclass(frozen=True, slots=True)
class PwmPin:
    """A header pin that can carry the PWM. ``function``: the ``func=`` number of ``dtoverlay=pwm``."""

    gpio: int
    header: int
    channel: int
    function: int | None


@dataclass(frozen=True, slots=True)
class PiUart:
    """The processor's own PL011, whose clock comes from the system clock's crystal.

    ``device``: its usual name. ``address``: how its device in /sys ends. ``pin``: where its output is, for people.
    ``config_lines``: what ``config.txt`` needs, so that it is there. ``first_serial``: the name that the firmware puts
    in for ``serial0`` in a kernel command line, as far as that is this one. ``clock_hz``: its clock where nothing
    tells it: PL011's driver asks only when the port is opened. ``clock_node``: where the device tree has it.
    """

    device: str
    address: str
    pin: str
    config_lines: tuple[str, ...] = ()
    first_serial: str = ""
    clock_hz: int = 48_000_000
    clock_node: str = ""


# Device trees of the Raspberry Pi kernel: bcm270x.dtsi uart0 at 7e201000; bcm2712.dtsi uart10 at 107d001000.
# Where there is Bluetooth it has the PL011, and the header the mini UART, unless disable-bt exchanges them.
_HEADER_UART = PiUart("/dev/ttyAMA0", "201000.serial", "GPIO14 (header pin 8)", ("enable_uart=1",), "ttyAMA0")
_HEADER_UART_BT = PiUart(
    _HEADER_UART.device,
    _HEADER_UART.address,
    _HEADER_UART.pin,
    ("enable_uart=1", "dtoverlay=disable-bt"),
    "ttyAMA0",
)
_DEBUG_UART = PiUart(
    "/dev/ttyAMA10",
    "107d001000.serial",
    "TX of the debug connector",
    (),
    "ttyAMA10",
    9_216_000,
    "/proc/device-tree/clocks/clk-uart",
)

# Alternate functions: pwm-overlay.dts of the Raspberry Pi kernel; header numbers: the 40-pin header.
_BCM_PINS = (PwmPin(12, 32, 0, 4), PwmPin(13, 33, 1, 4), PwmPin(18, 12, 0, 2), PwmPin(19, 35, 1, 2))
_BCM_26_PIN_HEADER = (PwmPin(18, 12, 0, 2),)
_RP1_PINS = (PwmPin(12, 32, 0, 4), PwmPin(13, 33, 1, 4), PwmPin(18, 12, 2, 2), PwmPin(19, 35, 3, 2))


@dataclass(frozen=True, slots=True)
class PiModel:
    """One family of boards that behave alike here.

    ``compatible``: the ``/proc/device-tree/compatible`` strings of its boards. ``soc_compatible``: the
    SoC's, for boards that came after this table. ``pwm_device``: how the PWM's device name ends.
    ``crystal_hz`` feeds the CPU's timer, ``pwm_crystal_hz`` the PWM; ``shared_crystal`` says whether
    these are the same crystal. ``plld_hz``: the PLLD_PER clock, None where there is none.
    ``timer_bias_ppm``: by how much the CPU's timer runs fast against its crystal, by division alone.
    """

    key: str
    title: str
    compatible: tuple[str, ...]
    soc_compatible: str
    crystal_hz: int
    pwm_crystal_hz: int
    shared_crystal: bool
    plld_hz: int | None
    timer_bias_ppm: float
    pwm_device: str
    pwm_nodes: tuple[str, ...]
    pins: tuple[PwmPin, ...]
    clock_hz: int
    i2c_stretch_bug: bool
    uart: PiUart

    def pin(self, gpio: int) -> PwmPin:
        """The pin of a GPIO number. Raises UsageError when that GPIO carries no PWM on this model."""
        for pin in self.pins:
            if pin.gpio == gpio:
                return pin
        allowed = ", ".join(str(pin.gpio) for pin in self.pins)
        raise UsageError(f"GPIO{gpio} carries no hardware PWM on a {self.title}: use one of {allowed}")

    def overlay_line(self, pin: PwmPin) -> str:
        """The ``config.txt`` line that turns the PWM on at ``pin`` with an exact clock."""
        clock = f",clock={self.clock_hz}" if self.shared_crystal else ""
        return f"dtoverlay=pwm,pin={pin.gpio},func={pin.function}{clock}"


# The 1 MHz system timer is 19.2 MHz through the clock manager's 12.12-bit divider: 78643/4096, not 19.2.
_SYSTEM_TIMER_BIAS_PPM = float(Fraction(19_200_000) / Fraction(78643, 4096) / 1_000_000 - 1) * 1e6


def _bcm(
    key: str,
    title: str,
    compatible: tuple[str, ...],
    soc: str,
    *,
    crystal_hz: int = 19_200_000,
    plld_hz: int = 500_000_000,
    timer_bias_ppm: float = 0.0,
    pins: tuple[PwmPin, ...] = _BCM_PINS,
    i2c_stretch_bug: bool = True,
    uart: PiUart = _HEADER_UART_BT,
) -> PiModel:
    return PiModel(
        key=key,
        title=title,
        compatible=compatible,
        soc_compatible=soc,
        crystal_hz=crystal_hz,
        pwm_crystal_hz=crystal_hz,
        shared_crystal=True,
        plld_hz=plld_hz,
        timer_bias_ppm=timer_bias_ppm,
        pwm_device="20c000.pwm",
        pwm_nodes=("/proc/device-tree/soc/pwm@7e20c000",),
        pins=pins,
        # 19.2 MHz / 16 and 54 MHz / 45: integers, so no fractional divider adds bias and jitter.
        clock_hz=1_200_000,
        i2c_stretch_bug=i2c_stretch_bug,
        uart=uart,
    )


MODELS: tuple[PiModel, ...] = (
    _bcm(
        "pi1-26pin",
        "Raspberry Pi 1 (26-pin header)",
        (
            "raspberrypi,model-b",
            "raspberrypi,model-b-rev2",
            "raspberrypi,model-a",
            "raspberrypi,model-b-i2c0",
        ),
        "",
        timer_bias_ppm=_SYSTEM_TIMER_BIAS_PPM,
        pins=_BCM_26_PIN_HEADER,
        uart=_HEADER_UART,
    ),
    _bcm(
        "pi1",
        "Raspberry Pi 1 or Zero",
        (
            "raspberrypi,model-a-plus",
            "raspberrypi,model-b-plus",
            "raspberrypi,model-zero",
            "raspberrypi,model-zero-w",
            "raspberrypi,compute-module",
        ),
        "brcm,bcm2835",
        timer_bias_ppm=_SYSTEM_TIMER_BIAS_PPM,
    ),
    _bcm(
        "pi2",
        "Raspberry Pi 2",
        ("raspberrypi,2-model-b", "raspberrypi,2-model-b-rev2"),
        "brcm,bcm2836",
        uart=_HEADER_UART,
    ),
    _bcm(
        "pi3",
        "Raspberry Pi 3, 3+, CM3 or Zero 2",
        (
            "raspberrypi,3-model-b",
            "raspberrypi,3-model-b-plus",
            "raspberrypi,3-model-a-plus",
            "raspberrypi,3-compute-module",
            "raspberrypi,model-zero-2",
            "raspberrypi,model-zero-2-w",
        ),
        "brcm,bcm2837",
    ),
    _bcm(
        "pi4",
        "Raspberry Pi 4, 400 or CM4",
        (
            "raspberrypi,4-model-b",
            "raspberrypi,400",
            "raspberrypi,4-compute-module",
            "raspberrypi,4-compute-module-s",
        ),
        "brcm,bcm2711",
        crystal_hz=54_000_000,
        plld_hz=750_000_000,
        i2c_stretch_bug=False,
    ),
    PiModel(
        key="pi5",
        title="Raspberry Pi 5, 500 or CM5",
        compatible=("raspberrypi,5-model-b", "raspberrypi,500", "raspberrypi,5-compute-module"),
        soc_compatible="brcm,bcm2712",
        crystal_hz=54_000_000,
        pwm_crystal_hz=50_000_000,
        shared_crystal=False,
        plld_hz=None,
        timer_bias_ppm=0.0,
        pwm_device="98000.pwm",
        pwm_nodes=(
            "/proc/device-tree/axi/pcie@1000120000/rp1/pwm@98000",
            "/proc/device-tree/axi/pcie@120000/rp1/pwm@98000",
        ),
        pins=_RP1_PINS,
        clock_hz=50_000_000,
        i2c_stretch_bug=False,
        uart=_DEBUG_UART,
    ),
)


def model_by_key(key: str) -> PiModel:
    """A model of the table. Raises UsageError that lists the known keys."""
    for model in MODELS:
        if model.key == key:
            return model
    raise UsageError(f"unknown model {key!r}: use one of {', '.join(model.key for model in MODELS)}")


def identify_model(root: Root) -> PiModel:
    """The model of the machine, from the device tree's ``compatible`` list.

    Raises UnavailableError when it is not a Raspberry Pi, or one that this version does not know.
    """
    strings = (root.read("/proc/device-tree/compatible") or "").split("\0")
    for model in MODELS:
        if set(model.compatible) & set(strings):
            return model
    if any(string.startswith("raspberrypi,") for string in strings):
        for model in MODELS:
            if model.soc_compatible and model.soc_compatible in strings:
                return model
    name = root.read("/proc/device-tree/model")
    if name is None:
        raise UnavailableError(
            "/proc/device-tree/model is not there: this machine is not a Raspberry Pi, so its PWM cannot be"
            " set up here; run this on the Pi, or copy its files and use --root"
        )
    raise UnavailableError(
        f"unknown model {name!r} (compatible: {' '.join(strings) or 'none'}): no clock tree is known for it;"
        " report it with this line"
    )
