"""GPS time for chrony (``[phase]``): the model, the pin's register, chrony's line, and what the daemon says."""

from __future__ import annotations

import json

from ...config import paths
from ...errors import UnavailableError
from ...publish.phase.pin import GPIOMEM
from ...publish.phase_refclock import chrony_line
from ..chrony.config import directives, main_file
from ..chrony.phase_lines import as_witness, followed_pulses, is_phase, phase_line_problem
from ..phase_fit import refuse_model, refuse_source
from .check import Check, Finding, Subject, fail, ok, warn
from .check_machine import config_txt

__all__ = ["CHECKS"]

LEAST_ARM_MHZ = 400
"""At ARM clocks of 300 MHz and less the timer of a Pi 4 loses counts (raspberrypi/linux issue 6016)."""


def check_phase(subject: Subject) -> Finding | None:
    """Can this machine have it, and does chrony take it?"""
    root, config = subject.root, subject.config
    if not config.phase.enabled or subject.model is None:
        return None
    off = f"set phase.enabled = false in {paths.CONFIG}"
    try:
        refuse_source(config.source)
        refuse_model(subject.model)
    except UnavailableError as error:
        return fail("phase", str(error).removeprefix("phase: "), off)
    if not root.exists(GPIOMEM):
        return fail("phase", f"{GPIOMEM} is not there: this kernel does not offer the pins' levels", off)
    main, path = main_file(root), config.phase.sock_path
    lines = [each for each in directives(root, main) if each.name == "refclock"] if main else []
    ours = [each for each in lines if is_phase(root, each, path)]
    if not ours:
        return fail("phase", f"chrony has no line for {path}", f"add to chrony.conf: {chrony_line(path)}")
    for each in ours:
        problem = phase_line_problem(root, each, path)
        if problem:
            return fail("phase", f"{each.where}: {problem}", f"write there: {chrony_line(path)}")
    if len(ours) > 1:
        where = " and ".join(each.where for each in ours)
        remedy = f"remove the line in {ours[0].where}"
        return fail("phase", f"{where}: two lines on one socket, and only the last one gets samples", remedy)
    return ok("phase", f"{ours[0].where}: GPS time by {path}")


def check_pulses(subject: Subject) -> Finding | None:
    """Does chrony follow a pulse by interrupt beside GPSP?"""
    root, main = subject.root, main_file(subject.root)
    if not subject.config.phase.enabled or main is None:
        return None
    clocks = [each for each in directives(root, main) if each.name == "refclock"]
    followed = followed_pulses(root, clocks)
    if not followed:
        return None
    each = followed[0]
    problem = f"{each.where}: chrony may follow this pulse, which an interrupt stamps, instead of GPSP"
    return warn("pulse", problem, f"write there: {as_witness(each)}")


def check_samples(subject: Subject) -> Finding | None:
    """Are samples sent?"""
    phase = subject.config.phase
    text = subject.root.read(subject.config.output.status) if subject.config.output.status else None
    if not phase.enabled or text is None:
        return None
    try:
        told = json.loads(text).get("phase") or {}
        if told.get("state") == "sent":
            return ok("samples", f"GPS {told['offset_ns']:+.0f} ns from the system clock")
        problem = f"none ({told['state']}): {told['reason']}" if told else "the daemon runs without [phase]"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # another version's file, which check_service tells
    restart = "sudo systemctl restart tcxo-host, then look again"
    return warn("samples", problem, "tcxo-host status --watch" if told else restart)


def check_arm_clock(subject: Subject) -> Finding | None:
    """Does the ARM clock stay where the timer counts right?"""
    model = subject.model
    if not subject.config.phase.enabled or model is None or model.key != "pi4":
        return None
    path, text = config_txt(subject)
    for line in (text or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "arm_freq_min" and value.strip().isdigit() and int(value) < LEAST_ARM_MHZ:
            return warn(
                "arm clock", f"{path}: {line.strip()}: the timer loses counts there", "arm_freq_min=600"
            )
    return None


CHECKS: tuple[Check, ...] = (check_phase, check_pulses, check_samples, check_arm_clock)
