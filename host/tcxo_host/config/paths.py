"""Where things are on an installed system, and how old they may be: what more than one module must agree on."""

from __future__ import annotations

__all__ = [
    "APPARMOR_LOCAL",
    "APPARMOR_PROFILE",
    "CHRONY_SNIPPET",
    "CONFIG",
    "MANIFEST",
    "OUTPUT",
    "PHASE_SOCK",
    "PWM_UNIT",
    "REAL_OUTPUT",
    "SOCK",
    "STALE_S",
    "STATE",
    "STATUS",
    "UNITS",
]

CONFIG = "/etc/tcxo-host.toml"
MANIFEST = "/etc/tcxo-host.installed.json"
"""What ``install`` wrote, so that ``uninstall`` takes away just that."""

OUTPUT = "/run/tcxo"
"""What chrony is told to read: on an installed system a link to ``REAL_OUTPUT``."""
REAL_OUTPUT = "/run/tcxo-host/tcxo"
"""The file itself, in the service's own folder: not root, it may rename nothing in /run."""
STATUS = "/run/tcxo-host/status.json"
STALE_S = 5.0
"""The daemon writes status and value once a second: an older status was left by one that has gone, and an older
value is on hold."""
STATE = "/var/lib/tcxo-host/state.json"
SOCK = "/run/chrony.tcxo.sock"
PHASE_SOCK = "/run/chrony.tcxo-pps.sock"
"""Names that Debian's AppArmor profile of chronyd allows."""

CHRONY_SNIPPET = "/etc/chrony/conf.d/tcxo-host.conf"
APPARMOR_PROFILE = "/etc/apparmor.d/usr.sbin.chronyd"
APPARMOR_LOCAL = "/etc/apparmor.d/local/usr.sbin.chronyd"
PWM_UNIT = "/etc/systemd/system/tcxo-host-pwm.service"
UNITS = "/etc/systemd/system"
