"""The self-test's findings for people and for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .finding import FAILED, NO_WIRE, WARNING, Finding

__all__ = ["EXIT_FAILED", "EXIT_NO_WIRE", "as_json", "as_lines", "exit_status"]

EXIT_FAILED = 1
EXIT_NO_WIRE = 2


def exit_status(findings: Sequence[Finding]) -> int:
    """0: passed, with warnings or without; 1: a check failed; 2: nothing was tested, the wire is not right."""
    if any(finding.name == NO_WIRE and finding.level == FAILED for finding in findings):
        return EXIT_NO_WIRE
    return EXIT_FAILED if any(finding.level == FAILED for finding in findings) else 0


def as_lines(findings: Sequence[Finding], wire: str) -> list[str]:
    """A line a check, then what it comes to. ``wire``: where the jumper belongs."""
    lines = [f"{finding.level:<8} {finding.name:<14} {finding.text}" for finding in findings]
    failed = [finding.name for finding in findings if finding.level == FAILED]
    warned = sum(finding.level == WARNING for finding in findings)
    if exit_status(findings) == EXIT_NO_WIRE:
        lines.append(f"not tested: put the jumper wire {wire}, nothing else on either end, and run it again")
    elif failed:
        lines.append(f"failed: {', '.join(failed)}")
    else:
        lines.append(f"passed: {len(findings)} checks" + (f", {warned} with a warning" if warned else ""))
    return lines


def as_json(findings: Sequence[Finding], board: str, port: str, wire: str) -> str:
    """One object; ``result`` is passed, failed or untested."""
    result = {0: "passed", EXIT_FAILED: "failed", EXIT_NO_WIRE: "untested"}[exit_status(findings)]
    checks = [{"name": each.name, "level": each.level, "text": each.text} for each in findings]
    return json.dumps(
        {"result": result, "board": board, "port": port, "wire": wire, "checks": checks},
        ensure_ascii=False,
        indent=1,
    )
