"""Settings: the TOML file as frozen dataclasses, checked key by key."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..estimate.registry import ESTIMATORS
from ..files import read_file
from . import paths

__all__ = [
    "Config",
    "EstimatorConfig",
    "GpsConfig",
    "LinkConfig",
    "LogConfig",
    "MetricsConfig",
    "OutputConfig",
    "PhaseConfig",
    "PwmConfig",
    "RecordConfig",
    "StateConfig",
    "load_config",
    "override",
    "parse_config",
]

LOG_LEVELS = ("debug", "info", "warning", "error")


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a section: its default, one line for people, and what is allowed (bounds inclusive)."""
    return field(default=default, metadata={"help": help, "choices": choices, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Where the board is."""

    url: str = setting("serial:/dev/ttyACM0", "serial:DEVICE, serial:socket://HOST:PORT or i2c:BUS:ADDRESS")
    baud: int = setting(115200, "line rate of a UART; USB ignores it", low=1200, high=4_000_000)
    silence_s: float = setting(
        5.0, "seconds without a record before the board counts as silent", low=1, high=30
    )


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """What the daemon writes."""

    path: str = setting(paths.OUTPUT, "the file chrony's tempcomp reads")
    sock: bool = setting(False, "also hand chrony the TCXO as a reference clock (refclock SOCK ... local)")
    sock_path: str = setting(paths.SOCK, "chronyd's socket for it")
    measure_only: bool = setting(False, "measure and report, but write no file for chrony")
    status: str = setting("", "JSON status file, rewritten once a second; empty: none")
    trace: str = setting("", "JSON lines, one a second, appended; empty: none")
    max_step_ppm: float = setting(
        1.0,
        "a larger step between two published values waits for five seconds of confirmation",
        low=0.01,
        high=20,
    )
    baseline: float | str = setting(
        "auto",
        "ppm of the error left to chrony, whose limit is ±10; auto: decided once, see tcxo-host baseline",
        choices=("auto",),
        low=-500,
        high=500,
    )
    ask_chrony: bool = setting(
        True,
        "ask chronyd (chronyc tracking) what it corrects by itself, and doubt a GPS that contradicts it",
    )

    def baseline_ppm(self) -> float | None:
        """The fixed baseline, None for ``auto``."""
        return None if isinstance(self.baseline, str) else self.baseline


@dataclass(frozen=True, slots=True)
class EstimatorConfig:
    """How edges become a frequency."""

    name: str = setting("kalman", "the method", choices=ESTIMATORS)
    start_limit_ppm: float = setting(0.01, "kalman: publishing starts when sigma is below", low=0.001, high=1)
    holdover_limit_ppm: float = setting(
        0.05, "kalman: publishing ends when sigma is above, as after hours without GPS", low=0.001, high=10
    )


@dataclass(frozen=True, slots=True)
class StateConfig:
    """What the daemon remembers: clock frequencies, noise levels, temperature model, baseline."""

    path: str = setting("", "state file, e.g. /var/lib/tcxo-host/state.json; empty: nothing is kept")


@dataclass(frozen=True, slots=True)
class PwmConfig:
    """The Pi's hardware PWM, which the board measures."""

    mode: str = setting(
        "auto",
        "auto: set up at start when permitted, else verify; nothing on a machine that is not a Pi",
        choices=("auto", "setup", "verify", "off"),
    )
    rate_hz: int = setting(50, "edges a second; 50 is exact on every model", low=1, high=1000)
    rp1_ratio: bool = setting(
        False, "Pi 5, experimental: refer the PWM to the system clock through the Ethernet clock /dev/ptp0"
    )
    gpio: int = setting(12, "GPIO number of the pin: 12, 13, 18 or 19", low=0, high=27)


@dataclass(frozen=True, slots=True)
class GpsConfig:
    """The GPS receiver, where something else knows whether it has a fix."""

    gpsd: str = setting(
        "", "HOST:PORT of gpsd, such as localhost:2947: without a fix the pulses do not count; empty: none"
    )


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """Captures beside publishing: what the board sends, for tcxo-dump; about 30 MB a day."""

    dir: str = setting("", "directory for capture files; empty: no recording")
    rotate_s: int = setting(86400, "a new file at each UTC multiple of this", low=60, high=31 * 86400)
    keep: int = setting(
        30,
        "number of files to keep, oldest by name deleted first; those dated later than now are neither counted nor"
        " deleted; 0: all",
        low=0,
        high=100_000,
    )
    compress: str = setting("none", "how files are compressed", choices=("none", "gz", "zst"))


@dataclass(frozen=True, slots=True)
class PhaseConfig:
    """GPS time itself for chrony, as a reference clock beside the tempcomp file; Raspberry Pi 2 to 4."""

    enabled: bool = setting(False, "hand chrony GPS time, needs refclock SOCK ... pps in chrony.conf")
    sock_path: str = setting(paths.PHASE_SOCK, "chronyd's socket for it")
    offset_ns: float = setting(
        0.0, "how late the pulse comes through antenna, receiver and cable, ns; added", low=-1e6, high=1e6
    )
    half_width_ns: float = setting(
        2000.0, "no sample while the PWM's edges are known less well than this, ns", low=50, high=1e5
    )
    sigma_ns: float = setting(
        1000.0, "no sample while GPS is known less well than this, one sigma, ns", low=10, high=1e6
    )
    pps: str = setting("/sys/class/pps/pps0/assert", "the kernel's PPS as a witness; empty: none")
    record_ms: float = setting(
        0.0,
        "the quickest of the board's records needs less than this, which tells the edges apart without a"
        " synchronised clock; 0: not known",
        low=0,
        high=15,
    )


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Figures for Prometheus; needs the extra 'metrics'."""

    listen: str = setting("", "HOST:PORT of an HTTP endpoint, such as 127.0.0.1:9910; empty: none")
    textfile: str = setting("", "file for node_exporter, such as /run/tcxo-host/tcxo.prom; empty: none")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What goes to stderr."""

    level: str = setting("info", "least important level shown", choices=LOG_LEVELS)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the daemon can be told, one section a dataclass."""

    link: LinkConfig = field(default_factory=LinkConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    estimator: EstimatorConfig = field(default_factory=EstimatorConfig)
    state: StateConfig = field(default_factory=StateConfig)
    pwm: PwmConfig = field(default_factory=PwmConfig)
    gps: GpsConfig = field(default_factory=GpsConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    phase: PhaseConfig = field(default_factory=PhaseConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)


def load_config(path: str | Path) -> Config:
    """The configuration in a TOML file.

    Raises ConfigError with one line that names file, key and what is allowed.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: give a readable TOML file with --config") from None
    return parse_config(data, str(path))


def parse_config(data: bytes, where: str) -> Config:
    """The configuration in TOML. Raises ConfigError as ``load_config`` does, naming ``where``."""
    try:
        table = tomllib.loads(data.decode("utf8"))
    except (ValueError, RecursionError) as error:  # also of numbers too long to be converted
        raise ConfigError(f"{where}: not valid TOML: {error}") from None
    return _build(table, where)


def override(config: Config, section: str, **values: Any) -> Config:
    """``config`` with the values of one section replaced, None meaning "not given".

    Raises ConfigError as ``load_config`` does, naming the command line instead of a file.
    """
    given = {key: value for key, value in values.items() if value is not None}
    current = getattr(config, section)
    checked = {
        key: _check(current, key, value, f"command line: {section}.{key}") for key, value in given.items()
    }
    return dataclasses.replace(config, **{section: dataclasses.replace(current, **checked)})


def _build(table: dict[str, Any], where: str) -> Config:
    sections = {each.name: each.default_factory for each in dataclasses.fields(Config)}
    built = {}
    for name, content in table.items():
        if name not in sections:
            raise ConfigError(f"{where}: unknown section [{name}]: allowed are {_listed(sections)}")
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {name} is a value, expected a section [{name}]")
        section = sections[name]()  # type: ignore[operator]
        checked = {
            key: _check(section, key, value, f"{where}: {name}.{key}") for key, value in content.items()
        }
        built[name] = dataclasses.replace(section, **checked)
    return Config(**built)


def _check(section: Any, key: str, value: Any, where: str) -> Any:
    fields = {each.name: each for each in dataclasses.fields(section)}
    if key not in fields:
        raise ConfigError(f"{where}: unknown key: allowed are {_listed(fields)}")
    meta = fields[key].metadata
    kinds = _kinds(typing.get_type_hints(type(section))[key])
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ConfigError(f"{where}: the number is too large ({meta['help']})")
    if float in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds:
        expected = " or ".join(_KIND_NAMES[kind] for kind in kinds)
        raise ConfigError(f"{where} = {value!r}: expected {expected} ({meta['help']})")
    if isinstance(value, str) and any(unicodedata.category(each) == "Cc" for each in value):
        raise ConfigError(f"{where} = {value!r}: has a control character")
    if isinstance(value, str) and meta["choices"] and value not in meta["choices"]:
        raise ConfigError(f"{where} = {value!r}: allowed are {_listed(meta['choices'])}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = meta["low"], meta["high"]
        if not (low is None or low <= value) or not (high is None or value <= high):
            raise ConfigError(f"{where} = {value!r}: allowed is {low:g} to {high:g}")
    return value


_LARGEST = 1 << 53
"""No setting is larger, and beyond it a whole number may not be a float, nor be printed."""

_KIND_NAMES: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _kinds(hint: Any) -> tuple[type, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _listed(names: Any) -> str:
    return ", ".join(names)
