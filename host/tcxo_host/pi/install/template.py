"""Text files of a package with ``$names`` filled in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from string import Template

__all__ = ["filled"]


def filled(package: str, name: str, names: Mapping[str, str]) -> str:
    """The file ``name`` in the folder ``templates`` of ``package``. Raises KeyError for a name without a value."""
    text = resources.files(package).joinpath("templates", name).read_text("utf8")
    return Template(text).substitute(names)
