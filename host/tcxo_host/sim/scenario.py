"""Scenarios: what a simulated board sees and what goes wrong, as data (``scenarios/*.toml``)."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from tcxo_protocol.spec import Role

from tcxo_host.errors import DataError, UsageError

from .drives import DRIVE_KINDS, Drive

__all__ = [
    "Crystal",
    "Fault",
    "Gps",
    "GpsStep",
    "Learned",
    "Pwm",
    "Scenario",
    "Temperature",
    "load_scenario",
    "scenario_names",
]

_T = TypeVar("_T")

FAULT_KINDS = ("dropout", "outage", "glitch", "extra", "shift", "jitter", "reboot", "unplug", "noise")
ROLES = tuple(role.label for role in (Role.GPS_PPS, Role.RTC_PPS, Role.HOST_PWM, Role.REF_PPS))


@dataclass(frozen=True, slots=True)
class Crystal:
    """A clock. Levels are fractional: ADEV at 1 s, and per root second."""

    freq_ppm: float = 0.0
    white_fm: float = 0.0
    random_walk_fm: float = 0.0
    ppm_per_c: float = 0.0
    """Against the board's temperature, around ``Temperature.mean_c``."""
    jitter_ns: float = 0.0
    """White phase noise of its edges."""
    present: bool = True
    drive: tuple[Drive, ...] = ()


@dataclass(frozen=True, slots=True)
class Pwm:
    """The Pi's PWM. With ``grid_hz`` its edges fall on the ticks of a clock of that rate, rounded down,
    as behind a fractional divider; ``grid_step`` is how far each period ends from a tick."""

    rate_hz: int = 50
    grid_hz: float = 0.0
    grid_step: float = 0.0


@dataclass(frozen=True, slots=True)
class GpsStep:
    """From ``at_s`` on every pulse is ``ns`` later."""

    at_s: float
    ns: float


@dataclass(frozen=True, slots=True)
class Gps:
    """The GPS receiver; see ``oscillators.GpsNoise``."""

    white_ns: float = 15.0
    sawtooth_ns: float = 10.0
    wander_ns: float = 0.0
    wander_time_s: float = 1800.0
    present: bool = True
    step: tuple[GpsStep, ...] = ()
    drive: tuple[Drive, ...] = ()
    """Frequency error (ppm, + = fast) of a receiver without a fix: its pulses come earlier and earlier."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """The board's temperature and its sensor's noise, degrees Celsius."""

    mean_c: float = 35.0
    noise_c: float = 0.05
    drive: tuple[Drive, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """Noise levels that an earlier run left, units as in ``clock_model.Levels``; 0: nothing was left."""

    tcxo_walk: float = 0.0
    pi_walk: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong from ``at_s`` on, again every ``every_s`` when that is not 0.

    ``dropout``: each edge of ``role`` is missing with ``probability`` for ``duration_s`` (0: for ever);
    ``outage``: no edge of ``role`` for ``duration_s`` (0: for ever); ``glitch``: the first edge of ``role``
    comes ``shift_us`` late; ``extra``: one more edge ``shift_us`` after it; ``shift``: all edges of ``role``
    from then on come ``shift_us`` later, and each time more; ``jitter``: each edge of ``role`` is off by
    ``shift_us``, one sigma, for ``duration_s`` (0: for ever). For the caller to carry out:
    ``reboot`` (board away for ``duration_s``), ``unplug`` (line away for ``duration_s``), ``noise``
    (``bytes`` random bytes on the line). ``role`` empty means every channel.
    """

    kind: str
    role: str = ""
    at_s: float = 0.0
    every_s: float = 0.0
    duration_s: float = 0.0
    probability: float = 1.0
    shift_us: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a ``World`` needs but the seed."""

    name: str
    description: str
    duration_s: int = 3600
    settle_s: int = 300
    """Errors are counted from here on: start-up is another figure."""
    tick_hz: int = 84_000_000
    linear_gaussian: bool = False
    """The Pi's clock is white and random-walk noise only, so that a Riccati bound is the true bound."""
    tcxo: Crystal = Crystal(freq_ppm=0.47, white_fm=3e-10, random_walk_fm=2e-11)
    pi: Crystal = Crystal(freq_ppm=0.3, white_fm=1e-9, random_walk_fm=3e-10)
    rtc: Crystal = Crystal(freq_ppm=-1.2, white_fm=3e-9, random_walk_fm=1e-10, jitter_ns=2.0)
    ref: Crystal = Crystal(present=False)
    """A steadier clock whose pulse the fourth channel sees."""
    pwm: Pwm = Pwm()
    gps: Gps = Gps()
    temperature: Temperature = Temperature()
    learned: Learned = Learned()
    fault: tuple[Fault, ...] = ()


def scenario_names() -> list[str]:
    """The scenarios that come with the package."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def load_scenario(name_or_path: str) -> Scenario:
    """A scenario that comes with the package, or a file when the name ends in ``.toml``.

    Raises UsageError for an unknown name or a file that is not there, DataError for a broken one.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.is_file():
            raise UsageError(f"scenario file '{name_or_path}' does not exist")
        return _parse(path.read_text(encoding="utf8"), path.stem, name_or_path)
    if name_or_path not in scenario_names():
        raise UsageError(
            f"unknown scenario '{name_or_path}': use one of {', '.join(scenario_names())}, or a .toml file"
        )
    text = (_folder() / f"{name_or_path}.toml").read_text(encoding="utf8")
    return _parse(text, name_or_path, f"scenario {name_or_path}")


def _folder() -> Any:
    return resources.files("tcxo_host.sim") / "scenarios"


def _parse(text: str, name: str, where: str) -> Scenario:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{where} is no TOML: {error}") from None
    scenario = _build(Scenario, Scenario(name=name, description=""), table, where)
    driven = (scenario.tcxo, scenario.pi, scenario.rtc, scenario.ref, scenario.gps, scenario.temperature)
    for drive in (drive for each in driven for drive in each.drive):
        if drive.kind not in DRIVE_KINDS:
            raise DataError(f"{where}: drive kind '{drive.kind}' is none of {', '.join(DRIVE_KINDS)}")
    for fault in scenario.fault:
        if fault.kind not in FAULT_KINDS:
            raise DataError(f"{where}: fault kind '{fault.kind}' is none of {', '.join(FAULT_KINDS)}")
        if fault.role not in ("", *ROLES):
            raise DataError(f"{where}: fault role '{fault.role}' is none of {', '.join(ROLES)}")
    return scenario


def _build(kind: type[_T], base: _T, table: Mapping[str, Any], where: str) -> _T:
    """``base`` with the fields of ``table`` in place; tables and arrays of tables become dataclasses."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints or key == "name":
            allowed = ", ".join(name for name in hints if name != "name")
            raise DataError(f"{where}: unknown key '{key}', use one of {allowed}")
        values[key] = _convert(hints[key], getattr(base, key, None), value, f"{where}: {key}")
    return dataclasses.replace(base, **values)  # type: ignore[type-var]


def _convert(hint: Any, base: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(typing.cast(type[Any], hint), base, value, where)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_item(typing.get_args(hint)[0], item, where) for item in value)
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in (int, bool, str) and type(value) is hint:
        return value
    raise DataError(f"{where} = {value!r} has the wrong type")


def _item(kind: type[Any], table: Any, where: str) -> Any:
    """One entry of an array of tables: fields without a default must be given."""
    if not isinstance(table, dict):
        raise DataError(f"{where} must be an array of tables")
    required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
    missing = [name for name in required if name not in table]
    if missing:
        raise DataError(f"{where}: {', '.join(missing)} is missing")
    blank = kind(**{name: table[name] for name in required})
    return _build(kind, blank, table, where)
