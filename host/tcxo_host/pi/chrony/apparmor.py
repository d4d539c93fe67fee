"""Whether chrony's AppArmor profile lets it read a file. Pure.

Only what Debian's profile of chronyd uses of the language (apparmor.d(5)): path rules with ``*``, ``**``,
``?``, ``[...]``, ``{a,b}`` and the variables ``@{run}`` and ``@{sys}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["allows_read", "snippet"]

_RULE = re.compile(r"^\s*(?:owner\s+)?(\"?)(?P<path>[/@][^\s\"]*)\1\s+(?P<modes>[a-zA-Z]+)\s*,")
_VARIABLES = {"@{run}": "/{,var/}run", "@{sys}": "/sys", "@{PROC}": "/proc", "@{etc_ro}": "/{usr/,}etc"}


def allows_read(texts: Iterable[str], path: str) -> bool:
    """Whether any rule in the profile's texts (it and its local additions) lets ``path`` be read."""
    for text in texts:
        for line in text.splitlines():
            match = _RULE.match(line)
            if match and "r" in match["modes"] and re.fullmatch(_as_regex(match["path"]), path):
                return True
    return False


def snippet(path: str) -> str:
    """The rule for ``/etc/apparmor.d/local/usr.sbin.chronyd``: it must name the real path, not a link."""
    return f"{path} r,\n"


def _as_regex(pattern: str) -> str:
    for variable, value in _VARIABLES.items():
        pattern = pattern.replace(variable, value)
    out, depth, position = "", 0, 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            double = pattern[position : position + 1] == "*"
            position += double
            out += ".*" if double else "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        elif char == "[":
            end = pattern.find("]", position)
            out += pattern[position - 1 : end + 1]
            position = end + 1
        else:
            out += re.escape(char)
    return out
