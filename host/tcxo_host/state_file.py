"""What outlives the daemon: a versioned JSON file, written whole, set aside when it is broken."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .baseline import StoredBaseline, parse_stored
from .publish import replace_file

__all__ = ["StateFile", "baseline_file", "load_baseline", "save_baseline"]

VERSION = 1


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
            text = self.path.read_text(encoding="utf8")
        except FileNotFoundError:
            return None, ""
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, OSError):
                return None, f"{self.path}: cannot be read ({error.strerror}); starting without it"
            return None, self.set_aside("it is no text")
        try:
            whole = json.loads(text)
            content = dict(whole["content"])
            kind, version, saved = whole["kind"], whole["version"], float(whole["saved_unix_s"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None, self.set_aside("it is damaged")
        if kind != self._kind or version != VERSION:
            return None, self.set_aside(f"it is {kind!r} version {version!r}, not {self._kind!r} {VERSION}")
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


def baseline_file(state_path: str | Path) -> StateFile:
    """The baseline's own file, beside the state: the command and the daemon write it independently."""
    return StateFile(Path(state_path).with_name("baseline.json"), "tcxo-host baseline")


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
