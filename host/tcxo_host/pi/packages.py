"""Which version of a Debian package is installed, from dpkg's own list."""

from __future__ import annotations

import re

from .root import Root

__all__ = ["package_version", "upstream_version"]


def package_version(root: Root, package: str) -> str:
    """The version of an installed package as dpkg writes it, e.g. ``4.3-2+deb12u1``; empty when unknown."""
    status = root.read("/var/lib/dpkg/status") or ""
    match = re.search(
        rf"^Package: {package}\n(?:(?!\n\n)[\s\S])*?^Version: (\S+)", status, flags=re.MULTILINE
    )
    return match[1] if match else ""


def upstream_version(version: str) -> tuple[int, int] | None:
    """The first two numbers of such a version without its epoch, e.g. ``(4, 3)``; None when it has none."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else None
