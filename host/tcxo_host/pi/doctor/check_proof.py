"""Was it proven on this machine that the board measures the system clock's crystal?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath

from ..proof import FILE_NAME, parse_proof
from ..pwm.header import kernel_release
from .check import Check, Finding, Subject, fail, is_installed, ok, warn

__all__ = ["CHECKS"]

_HOW = "tcxo-host prove --crystal"


def check_crystal(subject: Subject) -> Finding | None:
    """What was found last, as long as board and kernel are the same."""
    name, root, state = "crystal", subject.root, subject.config.state.path
    if not state:
        return None
    path = str(PurePosixPath(state).with_name(FILE_NAME))
    data = root.read_bytes(path)
    if data is None:
        return ok(name, f"not proven yet ({_HOW})") if is_installed(root) else None
    try:
        proof, when_s = parse_proof(data)
        day = f"{datetime.fromtimestamp(when_s, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return warn(name, f"{path} is damaged", f"sudo rm {path}; {_HOW}")
    kernel, board = kernel_release(root), subject.board.board if subject.board else ""
    for was, now in ((proof.kernel, kernel), (proof.board_id, board)):
        if was and now and was != now:
            return ok(name, f"{proof.verdict} on {day} with {was}; with {now} not proven yet ({_HOW})")
    if proof.verdict == "right":
        return ok(name, f"{day}: {proof.text}")
    if proof.verdict == "too-little":
        return ok(name, f"{day}: {proof.text} ({_HOW} --warm)")
    return fail(name, f"{day}: {proof.text}", proof.remedy or _HOW)


CHECKS: tuple[Check, ...] = (check_crystal,)
