"""What ``tcxo-host prove --crystal`` found, kept beside the daemon's state for ``doctor``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..daemon.state_file import parse_state

__all__ = ["FILE_NAME", "KIND", "CrystalProof", "parse_proof"]

KIND = "tcxo-host crystal"
FILE_NAME = "crystal.json"
_VERDICTS = ("right", "wrong-sign", "not-applied", "inverted", "other-crystal", "too-little")
_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class CrystalProof:
    """``verdict``: a word of ``cli/prove/crystal.py``; ``text`` says it in a sentence, ``remedy`` what to do.

    It was found with this board, under this kernel.
    """

    verdict: str
    text: str
    remedy: str
    board_id: str
    kernel: str

    def values(self) -> Mapping[str, str]:
        """As JSON-able values."""
        return asdict(self)


def parse_proof(data: bytes) -> tuple[CrystalProof, float]:
    """What ``StateFile`` of ``KIND`` kept, and when, UTC seconds. Raises ValueError for anything else."""
    content, saved_utc_s = parse_state(data, KIND)
    proof = CrystalProof(*(_word(content.get(name)) for name in CrystalProof.__slots__))
    if proof.verdict not in _VERDICTS:
        raise ValueError("it has no verdict")
    return proof, saved_utc_s


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise ValueError("it is damaged")
    return value
