"""A judgement of the crystal in words, with what to do. Pure."""

from __future__ import annotations

from .crystal import Judgement, Verdict

__all__ = ["EXIT_STATUS", "remedy", "sentence"]

EXIT_STATUS = {Verdict.RIGHT: 0, Verdict.TOO_LITTLE: 1}
"""Of the command; 2 for every other verdict."""


def sentence(judgement: Judgement) -> str:
    """One sentence, for people and for ``doctor``."""
    factor = "" if judgement.slope is None else f" (factor {judgement.slope:+.2f} ± {_half(judgement):.2f})"
    return {
        Verdict.RIGHT: f"right crystal and right sign: chrony corrects what the board measures{factor}",
        Verdict.WRONG_SIGN: f"wrong sign: chrony corrects by the opposite of what the board measures{factor}",
        Verdict.NOT_APPLIED: f"right crystal, but chrony does not apply the file, so it corrects all by itself{factor}",
        Verdict.INVERTED: f"right crystal, but chrony applies the file with the wrong sign: the error doubles{factor}",
        Verdict.OTHER_CRYSTAL: f"another crystal: chrony's correction does not go with what the board measures{factor}",
        Verdict.TOO_LITTLE: "not enough movement yet to tell" + _so_far(judgement),
    }[judgement.verdict]


def remedy(judgement: Judgement) -> str:
    """What to do about it; empty when all is well."""
    return {
        Verdict.RIGHT: "",
        Verdict.WRONG_SIGN: "look which wires are on the board's host_pwm and GPS pins; then tcxo-host doctor",
        Verdict.NOT_APPLIED: "sudo systemctl restart chrony; 'tcxo-host doctor' tells whether AppArmor lets it read",
        Verdict.INVERTED: "write tempcomp /run/tcxo 1 0 0 1 0 into chrony's configuration, and restart chrony",
        Verdict.OTHER_CRYSTAL: "end the compensation (measure_only = true); a Pi 5's header has a crystal of its own,"
        " else look what is wired to the board's host_pwm pin, and from which Pi",
        Verdict.TOO_LITTLE: "load moves a Pi by tenths of a ppm: tcxo-host prove --crystal --warm; or let it go over"
        " a night: --hours 8",
    }[judgement.verdict]


def _half(judgement: Judgement) -> float:
    assert judgement.slope_high is not None
    assert judgement.slope_low is not None
    return (judgement.slope_high - judgement.slope_low) / 2


def _so_far(judgement: Judgement) -> str:
    if judgement.moved_ppm is None:
        return ""
    if judgement.slope is None:
        return f": the crystal moved by {judgement.moved_ppm:.3f} ppm only"
    return f": {judgement.moved_ppm:.3f} ppm, factor {judgement.slope:+.2f} ± {_half(judgement):.2f}"
