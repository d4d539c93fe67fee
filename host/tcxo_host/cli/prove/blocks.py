"""The plan of a comparison: blocks with compensation and without, in pairs, the order in each pair by chance. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Arm", "Block", "as_values", "from_values", "pairs_of", "plan"]

Arm = str
"""``on``: compensation as always; ``held``: the file stays as it is."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it was run, Unix time. ``problem``: why it does not count, or empty."""

    arm: Arm
    start_utc_s: float
    end_utc_s: float
    problem: str = ""


def plan(seconds: float, block_s: float, seed: int) -> list[Arm]:
    """As many pairs as fit, one block of each kind in each.

    So the two kinds are balanced over the day, and no drift of the weather is taken for an effect.
    """
    chance = random.Random(seed)
    arms: list[Arm] = []
    for _ in range(int(seconds // (2 * block_s))):
        arms += chance.sample(("on", "held"), 2)
    return arms


def pairs_of(blocks: Sequence[Block]) -> list[tuple[Block, Block]]:
    """(on, held) of each pair in which both blocks count."""
    pairs = []
    for first, second in zip(blocks[::2], blocks[1::2], strict=False):
        if not first.problem and not second.problem:
            pairs.append((first, second) if first.arm == "on" else (second, first))
    return pairs


def as_values(blocks: Sequence[Block]) -> list[list[Any]]:
    """As JSON-able values."""
    return [[each.arm, each.start_utc_s, each.end_utc_s, each.problem] for each in blocks]


def from_values(content: Mapping[str, Any]) -> list[Block]:
    """What ``as_values`` gave, under the name ``blocks``. Raises ValueError."""
    blocks = []
    try:
        for arm, start_utc_s, end_utc_s, problem in content["blocks"]:
            if arm not in ("on", "held") or not 0 <= float(start_utc_s) < float(end_utc_s) < 1e11:
                raise ValueError("it is damaged")
            blocks.append(Block(arm, float(start_utc_s), float(end_utc_s), str(problem)))
    except (LookupError, TypeError):
        raise ValueError("it is damaged") from None
    if any(one.arm == other.arm for one, other in zip(blocks[::2], blocks[1::2], strict=False)):
        raise ValueError("its blocks are no pairs")
    return blocks
