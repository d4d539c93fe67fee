"""Settings as a TOML file with comments, for people to read and change. Pure."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import Any

from .settings import Config

__all__ = ["config_text", "told_of"]

_WIDTH = 100


def config_text(config: Config) -> str:
    """``config`` as TOML that ``load_config`` reads back as the same: every key, what it means, its range."""
    return "\n".join(_section(each.name, getattr(config, each.name)) for each in dataclasses.fields(config))


def _section(name: str, section: Any) -> str:
    lines = [f"[{name}]  # {(section.__doc__ or '').splitlines()[0]}"]
    for each in dataclasses.fields(section):
        # JSON's strings, numbers, true and false are TOML's
        value = json.dumps(getattr(section, each.name), ensure_ascii=False)
        lines += ["", *textwrap.wrap(told_of(each), _WIDTH, initial_indent="# ", subsequent_indent="# ")]
        lines.append(f"{each.name} = {value}")
    return "\n".join(lines) + "\n"


def told_of(setting: dataclasses.Field[Any]) -> str:
    """What a setting means, and what it may be."""
    return str(setting.metadata["help"]) + _allowed(setting.metadata)


def _allowed(meta: Any) -> str:
    parts = [", ".join(meta["choices"])] if meta["choices"] else []
    if meta["low"] is not None:
        parts.append(f"{meta['low']:.10g} to {meta['high']:.10g}")
    return f" ({', '.join(parts)})" if parts else ""
