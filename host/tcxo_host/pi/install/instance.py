"""A second daemon for a second board: ``tcxo-host@NAME.service`` beside the first one, which stays chrony's."""

from __future__ import annotations

import re
from importlib import resources
from string import Template

from ...config import paths
from ...config.load import load_config
from ...errors import ConfigError, UnavailableError, UsageError
from ..root import Root
from .plan import OwnFile, Plan

__all__ = ["INSTANCE_UNIT", "config_of", "instance_names", "instance_plan", "output_of"]

INSTANCE_UNIT = "tcxo-host@.service"
_MAIN_UNIT = f"{paths.UNITS}/tcxo-host.service"
_I2C_RULES = "/etc/udev/rules.d/99-tcxo-host-i2c.rules"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_OWN_FOLDERS = (
    (f"--config {paths.CONFIG}", "--config /etc/tcxo-host-%i.toml"),
    (f"Documentation=file:{paths.CONFIG}", "Documentation=file:/etc/tcxo-host-%i.toml"),
    ("RuntimeDirectory=tcxo-host\n", "RuntimeDirectory=tcxo-host-%i\n"),
    ("StateDirectory=tcxo-host\n", "StateDirectory=tcxo-host-%i\n"),
    ("Description=Clock frequency correction from a TCXO board\n", "Description=TCXO board %i\n"),
    ('change it with "systemctl edit tcxo-host"', 'change it with "systemctl edit tcxo-host@"'),
)
"""What an instance has of its own; all else of its unit is the first daemon's."""


def config_of(name: str) -> str:
    """The path of an instance's configuration."""
    return f"/etc/tcxo-host-{name}.toml"


def output_of(name: str) -> str:
    """The name, in ``/run``, of an instance's file: a link into its own folder."""
    return f"/run/tcxo-{name}"


def instance_names(root: Root) -> list[str]:
    """The instances that have a configuration, sorted."""
    found = (re.fullmatch(rf"tcxo-host-({_NAME.pattern})\.toml", each) for each in root.names("/etc"))
    return [match[1] for match in found if match]


def instance_plan(root: Root, name: str, link: str, *, measure_only: bool) -> Plan:
    """What makes the instance ``name`` for the board at ``link``.

    Raises UsageError for a name or a link that cannot be, UnavailableError where the first daemon is not installed.
    """
    if not _NAME.fullmatch(name) or name.startswith("host"):
        raise UsageError(
            f"--instance {name!r}: expected up to 31 of a-z, 0-9, _ and -, not beginning with - or 'host'"
        )
    unit = root.read_bytes(_MAIN_UNIT)
    if unit is None or not root.exists(paths.CONFIG):
        raise UnavailableError(
            f"{_MAIN_UNIT} is not there: run 'tcxo-host install' first, an instance stands beside it"
        )
    _refuse_taken(root, name, link)
    if link.startswith("i2c:") and not root.exists(_I2C_RULES):
        raise UsageError(
            f"--link {link}: the bus is set up by 'tcxo-host install --link i2c:...' for the first board only:"
            " connect this one by USB"
        )
    names = {"name": name, "link": link, "measure_only": "true" if measure_only else "false"}
    toml = _template("tcxo-host-instance.toml", names) + _signal_sections(root.read(paths.CONFIG) or "")
    tmpfiles = f"/etc/tmpfiles.d/tcxo-host-{name}.conf"
    service = INSTANCE_UNIT.replace("@", f"@{name}")
    return Plan(
        files=(
            OwnFile(f"{paths.UNITS}/{INSTANCE_UNIT}", _instance_unit(unit.decode("utf8", "replace"))),
            OwnFile(tmpfiles, _template("tcxo-host-instance.tmpfiles", names)),
            OwnFile(config_of(name), toml, keep_edited=True),
        ),
        blocks=(),
        commands=(
            ("systemd-tmpfiles", "--create", tmpfiles),
            ("systemctl", "daemon-reload"),
            ("systemctl", "enable", service),
            ("systemctl", "restart", service),
        ),
        notes=(
            f"tcxo-host status --config {config_of(name)} shows how it does; chrony does not read its file",
        ),
    )


def _refuse_taken(root: Root, name: str, link: str) -> None:
    for path in (paths.CONFIG, *(config_of(each) for each in instance_names(root) if each != name)):
        try:
            taken = load_config(root.path(path)).link.url
        except ConfigError:
            continue  # doctor tells
        if taken == link:
            raise UsageError(f"--link {link}: is the board of {path} already; name another one")


def _instance_unit(unit: str) -> str:
    for shared, own in _OWN_FOLDERS:
        if shared not in unit:
            raise UnavailableError(
                f"{_MAIN_UNIT} was changed ({shared.strip()!r} is not in it): 'tcxo-host install --force' renews it"
            )
        unit = unit.replace(shared, own)
    return unit


def _signal_sections(toml: str) -> str:
    """The first daemon's section about the signal that both boards measure."""
    sections = re.split(r"(?m)^(?=\[)", toml)
    return "".join(f"\n{each.strip()}\n" for each in sections if each.startswith(("[pwm]", "[source]")))


def _template(name: str, names: dict[str, str]) -> str:
    return Template(resources.files(__package__).joinpath("templates", name).read_text("utf8")).substitute(
        names
    )
