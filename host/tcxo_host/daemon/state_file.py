"""What outlives the daemon: a versioned JSON file, written whole, set aside when it is broken."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

from ..estimate.plausible import number, part
from ..files import read_file, replace_file
from ..publish.baseline import StoredBaseline, parse_stored

__all__ = ["BASELINE_KIND", "StateFile", "baseline_file", "load_baseline", "parse_state", "save_baseline"]

VERSION = 1
BASELINE_KIND = "tcxo-host baseline"
_NOT_A_STATE = (errno.EINVAL, errno.EFBIG, errno.EISDIR)
"""Not a file, or larger than any state: it is moved aside."""
_MOST_DIGITS = 18
_LATEST_S = 1e11
"""The year 5138."""


class StateFile:
    """A JSON file of one ``kind``. Nothing here raises for what the file contains."""

    def __init__(self, path: str | Path, kind: str) -> None:
        self.path = Path(path)
        self._kind = kind

    def load(self) -> tuple[dict[str, Any] | None, str]:
        """The content and "", or None and why ("" when there is simply no file).

        A broken, foreign or newer file is moved aside to ``NAME.broken``. ``age_s`` is added to the
        content: how long ago it was saved by the wall clock, never negative.
        """
        try:
            content, saved = parse_state(read_file(self.path), self._kind)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            if error.errno in _NOT_A_STATE:
                return None, self.set_aside(f"it {error.strerror}")
            return None, f"{self.path}: cannot be read ({error.strerror}); starting without it"
        except ValueError as error:
            return None, self.set_aside(str(error))
        content["age_s"] = max(0.0, time.time() - saved)
        return content, ""

    def save(self, content: Mapping[str, Any]) -> str:
        """Write it whole, making its folder when needed; return "" or why it could not be written."""
        whole = {"kind": self._kind, "version": VERSION, "saved_unix_s": time.time(), "content": content}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, (json.dumps(whole, indent=1) + "\n").encode())
        except OSError as error:
            return f"{self.path}: cannot be written ({error.strerror})"
        return ""

    def set_aside(self, reason: str) -> str:
        """Move the file out of the way; return one sentence for the log."""
        aside = self.path.with_name(self.path.name + ".broken")
        try:
            os.replace(self.path, aside)
        except OSError as error:
            return f"{self.path}: not used, {reason}; it cannot be set aside ({error.strerror})"
        return f"{self.path}: not used, {reason}; set aside as {aside.name}"


def parse_state(data: bytes, kind: str) -> tuple[dict[str, Any], float]:
    """The content of a state file of ``kind``, and when it was saved (UTC, seconds). Raises ValueError."""
    try:
        whole = _parsed(data)
    except (ValueError, RecursionError):
        raise ValueError("it is damaged") from None
    found, version = whole.get("kind"), whole.get("version")
    if found != kind or version != VERSION:
        raise ValueError(f"it is {short(found)} version {short(version)}, not {kind!r} {VERSION}")
    return dict(part(whole, "content")), number(whole, "saved_unix_s", 0.0, _LATEST_S)


def _parsed(data: bytes) -> dict[str, Any]:
    """A JSON object, stricter than ``json`` alone: each name once, each number finite and no longer than needed.

    Raises ValueError, and RecursionError for what is nested too deep.
    """
    whole = json.loads(
        data.decode("utf8"),
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_short_int,
        object_pairs_hook=_once,
    )
    if not isinstance(whole, dict):
        raise ValueError("not an object")
    return whole


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(short(digits))


def _short_int(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else int(_refuse(short(digits)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def baseline_file(state_path: str | Path) -> StateFile:
    """The baseline's own file, beside the state: the command and the daemon write it independently."""
    return StateFile(Path(state_path).with_name("baseline.json"), BASELINE_KIND)


def load_baseline(file: StateFile) -> tuple[StoredBaseline | None, str]:
    """The stored baseline and "", or None and why."""
    content, problem = file.load()
    if content is None:
        return None, problem
    try:
        return parse_stored(content), ""
    except ValueError as error:
        return None, file.set_aside(str(error))


def save_baseline(file: StateFile, baseline: StoredBaseline | None) -> str:
    """Store the baseline, or delete it (None); return "" or why not."""
    if baseline is not None:
        return file.save(baseline.values())
    try:
        file.path.unlink(missing_ok=True)
    except OSError as error:
        return f"{file.path}: cannot be deleted ({error.strerror})"
    return ""
