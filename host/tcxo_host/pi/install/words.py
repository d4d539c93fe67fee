"""Taking words out of a file of one line, such as the kernel's command line, and putting them back. Pure."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["cut_words", "put_back"]


def cut_words(text: str, words: Sequence[tuple[int, str]]) -> str:
    """``text`` without ``words``, each given with its place among the words of the first line."""
    line, end, rest = text.partition("\n")
    gone = set(words)
    kept = [word for each in enumerate(line.split()) for word in [each[1]] if each not in gone]
    return " ".join(kept) + end + rest


def put_back(text: str, words: Sequence[Sequence[int | str]]) -> str:
    """The inverse of ``cut_words``; a word that is there again is not put in twice."""
    line, end, rest = text.partition("\n")
    there = line.split()
    for place, word in sorted((int(place), str(word)) for place, word in words):
        if word not in there:
            there.insert(place, word)
    return " ".join(there) + end + rest
