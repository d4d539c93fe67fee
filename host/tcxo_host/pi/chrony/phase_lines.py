"""chrony's lines that matter to phase: GPSP's own, and the pulses by interrupt that should only be witnesses."""

from __future__ import annotations

from collections.abc import Iterable

from ...config import paths
from ..root import Root
from .config import Directive, refclock_device

__all__ = ["as_witness", "followed_pulses", "is_phase", "phase_line_problem"]

REFID = "GPSP"
_FOLLOW = ("prefer", "trust", "require")


def is_phase(root: Root, clock: Directive, path: str = paths.PHASE_SOCK) -> bool:
    """Whether a ``refclock`` line is GPSP's: by its socket ``path``, or by its reference ID."""
    return refclock_device(root, clock.words) == root.real(path) or _refid(clock) == REFID


def phase_line_problem(root: Root, clock: Directive, path: str = paths.PHASE_SOCK) -> str:
    """What is wrong with a line of which ``is_phase`` is true, in words, or empty."""
    if refclock_device(root, clock.words) != root.real(path):
        return f"{REFID} reads {clock.words[1] if len(clock.words) > 1 else 'nothing'}, but tcxo-host sends to {path}"
    if "pps" not in _options(clock):
        return "without the word pps chrony takes the seconds from it, too"
    return ""


def followed_pulses(root: Root, clocks: Iterable[Directive]) -> list[Directive]:
    """Lines of a pulse that an interrupt stamps (the kernel's PPS, gpsd's socket of one) without ``noselect``."""
    return [each for each in clocks if _is_pulse(root, each) and "noselect" not in _options(each)]


def as_witness(clock: Directive) -> str:
    """The same line, as one that chrony shows and does not follow."""
    words = [word for word in clock.words if word.lower() not in _FOLLOW]
    return " ".join(["refclock", *words, "noselect"])


def _is_pulse(root: Root, clock: Directive) -> bool:
    by_driver = clock.words[:1] and clock.words[0].upper() == "PPS"
    return bool(by_driver) or refclock_device(root, clock.words).startswith("/dev/pps")


def _options(clock: Directive) -> tuple[str, ...]:
    """Lower-case words after driver and parameter: chrony takes options in any case."""
    return tuple(word.lower() for word in clock.words[2:])


def _refid(clock: Directive) -> str:
    options = _options(clock)
    at = options.index("refid") + 3 if "refid" in options else len(clock.words)
    return clock.words[at] if at < len(clock.words) else ""
