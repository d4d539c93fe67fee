"""All checks in the order in which a signal goes through the system."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from ...config import paths
from ...config.load import load_config
from ...config.settings import Config
from ...errors import ConfigError
from ...link.interface import Link
from ..root import Root
from . import (
    check_chrony,
    check_heat,
    check_instances,
    check_machine,
    check_phase,
    check_proof,
    check_ptp,
    check_service,
    check_tune,
    check_uart,
)
from .board_look import LOOK_S, BoardLook, look_at_board, look_at_status
from .check import Check, Finding, Level, Subject

__all__ = ["CHECKS", "as_json", "as_text", "examine", "make_subject", "worst"]

CHECKS: tuple[Check, ...] = (
    *check_machine.CHECKS,
    *check_uart.CHECKS,
    *check_service.CHECKS,
    *check_chrony.CHECKS,
    *check_phase.CHECKS,
    *check_proof.CHECKS,
    *check_instances.CHECKS,
    *check_ptp.CHECKS,
    *check_tune.CHECKS,
    *check_heat.CHECKS,
)


def make_subject(
    root: Root,
    link_url: str | None,
    open_link: Callable[[str, int], Link],
    seconds: float = LOOK_S,
) -> Subject:
    """Gather what the checks look at: the configuration, and the board.

    A running daemon owns the link, so its status file is asked first. Without one the board is looked at
    through its link, on a live machine or when ``link_url`` is given.
    """
    config, problem = Config(), ""
    if root.exists(paths.CONFIG):
        try:
            config = load_config(root.path(paths.CONFIG))
        except ConfigError as error:
            problem = str(error).replace(str(root.path(paths.CONFIG)), paths.CONFIG)
    if link_url:
        config = dataclasses.replace(config, link=dataclasses.replace(config.link, url=link_url))
    now_s = time.time() if root.is_live else None
    board = None if link_url else _from_status(root, config, now_s)
    if board is None and (root.is_live or link_url):
        board = look_at_board(config.link.url, lambda url: open_link(url, config.link.baud), seconds)
    return Subject(root, config, problem, board, now_s)


def examine(subject: Subject) -> list[Finding]:
    """Every finding, in order. Pure but for reading the subject's files."""
    findings = (check(subject) for check in CHECKS)
    return [finding for finding in findings if finding is not None]


def worst(findings: list[Finding]) -> Level:
    """The worst level: the exit status."""
    return max((finding.level for finding in findings), default=Level.OK)


def as_text(findings: list[Finding]) -> str:
    """One line a finding, the remedy below it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.level.name.lower():<5} {finding.name:<10} {finding.text}")
        if finding.remedy:
            lines.append(f"{'':<5} {'':<10} -> {finding.remedy}")
    counts = [sum(finding.level == level for finding in findings) for level in Level]
    warnings = f"{counts[1]} warning{'s' * (counts[1] != 1)}"
    failures = f"{counts[2]} failure{'s' * (counts[2] != 1)}"
    lines.append(f"{counts[0]} ok, {warnings}, {failures}")
    return "\n".join(lines) + "\n"


def as_json(findings: list[Finding]) -> str:
    """One object: the worst level and every finding."""
    return json.dumps(
        {
            "worst": worst(findings).name.lower(),
            "findings": [
                {**dataclasses.asdict(finding), "level": finding.level.name.lower()} for finding in findings
            ],
        }
    )


def _from_status(root: Root, config: Config, now_s: float | None) -> BoardLook | None:
    path = config.output.status
    text = root.read(path) if path else None
    if text is None:
        return None
    if now_s is not None and now_s - root.path(path).stat().st_mtime > paths.STALE_S:
        return None  # the daemon that wrote it is gone, or has no board
    try:
        status: Any = json.loads(text)
        return look_at_status(status, path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # another version's file: look for ourselves
