"""Writing an installation's files, remembering them, and removing only those."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...config import paths
from ...errors import OutputError, PermissionRefused, UnavailableError
from ..root import Root
from .plan import Block, OwnFile, Plan, add_block, has_block, remove_block
from .words import cut_words, put_back

__all__ = ["Step", "Steps", "install_steps", "uninstall_steps", "write_steps"]

"""Which files were written, with the hash of what was written; root's, in a folder that only root writes."""

_BLOCK, _BLOCK_IN_OWN, _CUT = "block", "block in a file of ours", "cut:"
"""What the manifest says of lines of ours: the file was there before, or we made it; of words that were taken out.
Of a file: its hash."""


@dataclass(frozen=True, slots=True)
class Step:
    """One file: ``action`` is write, same, keep, remove or gone; ``content`` is what it will hold."""

    action: str
    path: str
    content: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """What would happen to which file. ``blocked``: changed files that only ``--force`` overwrites."""

    steps: tuple[Step, ...]
    manifest: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Those of ``install``, by name, for its ``--upgrade``."""
    blocked: tuple[str, ...] = ()


def remembered_options(root: Root) -> dict[str, Any]:
    """The options of the last ``install``. Raises UnavailableError when there was none, or none that says."""
    if not root.exists(paths.MANIFEST):
        raise UnavailableError(f"{paths.MANIFEST} is not there: nothing was installed by 'tcxo-host install'")
    options = _kept_options(root)
    if not options:
        raise UnavailableError(
            f"{paths.MANIFEST} does not say with which options: install once more, with those of the first time"
        )
    return options


def install_steps(root: Root, plan: Plan, force: bool, options: Mapping[str, Any] | None = None) -> Steps:
    """What installing ``plan`` would do to the files; touches nothing.

    ``options``: to be remembered; None for what is no ``install``: those of the last one stay.
    """
    if options is None:
        options = _kept_options(root)
    remembered = _manifest(root)
    steps, manifest, blocked = [], dict(remembered), []
    for file in plan.files:
        step = _own_file_step(root, file, remembered.get(file.path), force)
        if step.action == "blocked":
            blocked.append(file.path)
        elif step.action != "keep":
            manifest[file.path] = _hash(file.content)
        steps.append(step)
    for block in plan.blocks:
        step = _block_step(root, block)
        if step.action == "write":
            is_new = root.read(block.path) is None or remembered.get(block.path) == _BLOCK_IN_OWN
            manifest[block.path] = _BLOCK_IN_OWN if is_new else _BLOCK
        steps.append(step)
    for cut in plan.cuts:
        text = _text(root, cut.path) or ""
        steps.append(Step("write", cut.path, cut_words(text, cut.words), "words taken out"))
        manifest[cut.path] = _CUT + json.dumps(cut.words)
    return Steps(tuple(steps), manifest, options, tuple(blocked))


def uninstall_steps(root: Root, force: bool, only: Collection[str] | None = None) -> Steps:
    """What removing would do: files as they were written go, changed ones stay unless ``force``.

    ``only``: of these files; None: of all that were written.
    """
    steps, manifest = [], {}
    for path, remembered in _manifest(root).items():
        text = _text(root, path)
        if only is not None and path not in only:
            manifest[path] = remembered
        elif text is None:
            steps.append(Step("gone", path))
        elif remembered in (_BLOCK, _BLOCK_IN_OWN):
            rest = remove_block(text)
            is_ours = remembered == _BLOCK_IN_OWN and not rest.strip()
            action = "same" if rest == text else "remove" if is_ours else "write"
            steps.append(Step(action, path, rest, "our lines taken out"))
        elif remembered.startswith(_CUT):
            whole = put_back(text, json.loads(remembered.removeprefix(_CUT)))
            steps.append(Step("same" if whole == text else "write", path, whole, "words put back"))
        elif force or _hash(text) == remembered:
            steps.append(Step("remove", path))
        else:
            steps.append(Step("keep", path, why="changed since it was installed; --force removes it"))
            manifest[path] = remembered
    return Steps(tuple(steps), manifest, {} if only is None else _kept_options(root))


def write_steps(root: Root, steps: Steps) -> None:
    """Do it: every new content is written beside its place first, then all are renamed.

    Raises OutputError or PermissionRefused when something cannot be written; nothing is changed then.
    """
    kept = {"files": dict(steps.manifest), "options": dict(steps.options)}
    manifest = json.dumps(kept, indent=1, sort_keys=True) + "\n"
    writes = [step for step in steps.steps if step.action == "write" and step.content is not None]
    if steps.manifest:
        writes.append(Step("write", paths.MANIFEST, manifest))
    prepared: list[tuple[Path, Path]] = []
    try:
        for step in writes:
            prepared.append(_write_beside(root.path(step.path), step.content or ""))
    except OSError as error:
        for temporary, _ in prepared:
            temporary.unlink(missing_ok=True)
        raise _refusal(step.path, error) from None
    try:
        for temporary, place in prepared:
            os.replace(temporary, place)
        for step in steps.steps:
            if step.action == "remove":
                root.path(step.path).unlink()
        if not steps.manifest:
            root.path(paths.MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(str(error.filename), error) from None


def _own_file_step(root: Root, file: OwnFile, remembered: str | None, force: bool) -> Step:
    text = _text(root, file.path)
    if text == file.content:
        return Step("same", file.path, file.content)
    if text is None:
        return Step("write", file.path, file.content, "new")
    if force or _hash(text) == remembered:
        return Step("write", file.path, file.content, "replaced")
    if file.keep_edited:
        return Step("keep", file.path, why="edited; --force replaces it")
    return Step("blocked", file.path, why="changed since it was installed, or not ours; --force replaces it")


def _block_step(root: Root, block: Block) -> Step:
    text = _text(root, block.path)
    if text is None and not block.make:
        return Step("keep", block.path, why="not there; add the lines by hand: " + block.content.strip())
    text = text or ""
    lines = [line for line in block.content.splitlines() if not line.startswith("[")]
    if not has_block(text) and all(line in text.splitlines() for line in lines):
        return Step("same", block.path, text)  # the user has put the line there already
    new = add_block(text, block.content)
    return Step("same" if new == text else "write", block.path, new, "our lines added")


def _write_beside(place: Path, content: str) -> tuple[Path, Path]:
    """A finished temporary file, and the place to rename it to; modes of an existing file are kept."""
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.tcxo-host-new")
    temporary.write_text(content)
    # chronyd, systemd and udev read them as other users
    temporary.chmod(place.stat().st_mode & 0o7777 if place.exists() else 0o644)
    return temporary, place


def _manifest(root: Root) -> dict[str, str]:
    """What was written, by path; an empty one where nothing was."""
    kept = _kept(root)
    return dict(kept.get("files", kept))  # the first versions had nothing but files


def _kept_options(root: Root) -> dict[str, Any]:
    options = _kept(root).get("options")
    return options if isinstance(options, dict) else {}


def _kept(root: Root) -> dict[str, Any]:
    try:
        kept = dict(json.loads(root.read(paths.MANIFEST) or "{}"))
        dict(kept.get("files", {}))
        return kept
    except (ValueError, TypeError, RecursionError):
        raise OutputError(
            f"{paths.MANIFEST} cannot be read, so what was installed is not known: remove it and install with --force"
        ) from None


def _text(root: Root, path: str) -> str | None:
    data = root.read_bytes(path)
    return None if data is None else data.decode("utf8", "surrogateescape")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf8", "surrogateescape")).hexdigest()


def _refusal(path: str, error: OSError) -> OutputError | PermissionRefused:
    if isinstance(error, PermissionError):
        return PermissionRefused(f"{path} cannot be written: run this with sudo; nothing was changed")
    return OutputError(f"{path} cannot be written ({error.strerror}): mend that first; nothing was changed")
