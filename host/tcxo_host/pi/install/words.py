"""Taking words out of a file of one line, such as the kernel's command line, and putting them back. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["cut_words", "put_back"]


def cut_words(text: str, words: Sequence[tuple[int, str]]) -> str:
    """``text`` without ``words``, each given with its place among the words of the first line.

    All other characters stay: a value in quotes may have blanks that count.
    """
    line, end, rest = text.partition("\n")
    kept = [each for place, each in enumerate(_pieces(line)) if (place, each.strip()) not in set(words)]
    return "".join(kept) + end + rest


def put_back(text: str, words: Sequence[Sequence[int | str]]) -> str:
    """The inverse of ``cut_words``; a word that is there again is not put in twice."""
    line, end, rest = text.partition("\n")
    pieces = _pieces(line)
    for place, word in sorted((int(place), str(word)) for place, word in words):
        if word not in line.split():
            before = pieces[:place]
            if before and not before[-1].endswith(" "):
                before[-1] += " "
            after = pieces[place:]
            pieces = [*before, f"{word} " if after else word, *after]
    return "".join(pieces) + end + rest


def _pieces(line: str) -> list[str]:
    """Each word with the blanks around it that belong to no earlier one."""
    return re.findall(r"\s*\S+\s*", line)
