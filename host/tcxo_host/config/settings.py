"""Settings: what they mean, their defaults and what is allowed, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..estimate.registry import ESTIMATORS
from ..link.url import check_url
from . import paths
from .field import setting
from .source import SourceConfig

__all__ = [
    "Config",
    "EstimatorConfig",
    "GpsConfig",
    "LinkConfig",
    "LogConfig",
    "MetricsConfig",
    "MqttConfig",
    "OutputConfig",
    "PhaseConfig",
    "PtpConfig",
    "PwmConfig",
    "RecordConfig",
    "SourceConfig",
    "StateConfig",
]

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Where the board is."""

    url: str = setting(
        "serial:/dev/ttyACM0",
        "serial:DEVICE, serial:socket://HOST:PORT or i2c:BUS:ADDRESS",
        check=check_url,
    )
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
class PtpConfig:
    """A PTP server on this machine (linuxptp): it is told what the clock is worth."""

    enabled: bool = setting(False, "tell ptp4l clock class 6 while all is well, and less when it is not")
    uds: str = setting("/run/ptp4l", "ptp4l's socket (uds_address)")
    own_socket: str = setting(
        "/run/tcxo-host/pmc.sock", "the socket that pmc makes for the answer; empty: its own choice"
    )
    domain: int = setting(0, "PTP domain (domainNumber)", low=0, high=127)
    timestamping: str = setting(
        "software",
        "ptp4l's time_stamping: with hardware it counts TAI, with software it is the system clock, UTC",
        choices=("software", "hardware"),
    )
    holdover_s: float = setting(
        3600.0,
        "without GPS the clock counts as in specification for so long (class 7), then as lost (52)",
        low=0,
        high=864000,
    )


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Figures for Prometheus; needs the extra 'metrics'."""

    listen: str = setting("", "HOST:PORT of an HTTP endpoint, such as 127.0.0.1:9910; empty: none")
    textfile: str = setting("", "file for node_exporter, such as /run/tcxo-host/tcxo.prom; empty: none")


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """Values for an MQTT broker, which Home Assistant discovers; needs the extra 'mqtt'."""

    host: str = setting("", "the broker's name or address; empty: none")
    port: int = setting(0, "its port; 0: 8883 with tls, else 1883", low=0, high=65535)
    tls: bool = setting(False, "encrypt, and check the broker's certificate")
    ca_file: str = setting("", "certificates to check it by, PEM; empty: the system's")
    username: str = setting("", "user name at the broker; empty: none")
    password_file: str = setting("", "file with the password, readable by the daemon only; empty: none")
    name: str = setting("", "what this daemon is called there; empty: the host's name")
    topic: str = setting("tcxo-host", "messages go to TOPIC/NAME/values and TOPIC/NAME/availability")
    discovery: str = setting("homeassistant", "Home Assistant's discovery prefix; empty: no discovery")
    period_s: int = setting(10, "seconds between two messages", low=1, high=3600)


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
    source: SourceConfig = field(default_factory=SourceConfig)
    pwm: PwmConfig = field(default_factory=PwmConfig)
    gps: GpsConfig = field(default_factory=GpsConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    phase: PhaseConfig = field(default_factory=PhaseConfig)
    ptp: PtpConfig = field(default_factory=PtpConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    log: LogConfig = field(default_factory=LogConfig)

    @property
    def host_rate_hz(self) -> float | None:
        """Nominal edges a second of this computer's signal, whatever the board expects; None: as the board expects."""
        if self.source.device:
            return self.source.uart_hz
        return None if self.pwm.mode == "off" else float(self.pwm.rate_hz)
