"""A configuration from a TOML file and the command line, each value checked."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
import unicodedata
from pathlib import Path
from typing import Any

from ..errors import ConfigError, UsageError
from ..files import read_file
from .settings import Config

__all__ = ["load_config", "override", "parse_config"]


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

    Raises ConfigError as ``load_config`` does, naming the command line instead of a file, or UsageError.
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
        try:
            checked = {
                key: _check(section, key, value, f"{where}: {name}.{key}") for key, value in content.items()
            }
        except UsageError as error:
            raise ConfigError(f"{where}: [{name}] {error}") from None
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
    if meta["check"]:
        meta["check"](value)
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
