"""What chrony's configuration already contains, so that installing neither doubles nor contradicts it.

Our own file is left out: it is written anew. Looks only; what to write is decided in ``install_plan``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from ...config import paths
from ...errors import ConfigError
from ...publish.phase_refclock import chrony_line
from ..install.plan import chrony_refclocks
from ..packages import package_version, upstream_version
from ..root import Root
from .config import Directive, Tempcomp, directives, main_file, parse_tempcomp, refclock_device
from .phase_lines import as_witness, followed_pulses, is_phase, phase_line_problem

__all__ = ["Fit", "fit_in"]

_PPS = "/dev/pps0"
_GPSD_WITH_SOCKET = (3, 25)
"""Where ``/run/chrony.clk.DEVICE.sock`` came; Debian 12 has 3.22."""


@dataclass(frozen=True, slots=True)
class Fit:
    """``variant``: one of ``CHRONY_VARIANTS``. ``line_there``: the TCXO's line is in another file already;
    ``phase_line_there``: GPSP's.

    ``notes``: what was found and what follows from it, a sentence each.
    """

    variant: str
    line_there: bool = False
    phase_line_there: bool = False
    notes: tuple[str, ...] = ()


def fit_in(root: Root, asked: str | None, *, refclock: bool, force: bool, phase: bool = False) -> Fit:
    """What ``install`` should write beside the lines that chrony reads from files of others.

    ``asked``: the variant that the user named, None for the default: ``ntp`` with a ``/dev/pps0``, but only
    tempcomp where chrony has a reference clock already. Raises ConfigError when the TCXO's error would be
    corrected twice, (without ``force``) when the variant asked for has a reference clock that is there, or when a
    line for GPSP (``phase``) is wrong. An old gpsd turns ``gpsd`` into ``gpsd-shm``.
    """
    main = main_file(root)
    others = [] if main is None else [each for each in directives(root, main) if not _is_ours(each)]
    clocks = [each for each in others if each.name == "refclock"]
    lines = [parse_tempcomp(each) for each in others if each.name == "tempcomp"]
    line_there, notes = (_refclock_line if refclock else _tempcomp_line)(root, lines, clocks)
    clocks = [each for each in clocks if not _is_tcxo(root, each)]
    phase_there = False
    if phase:
        phase_there, more = _phase_lines(root, clocks)
        notes += more
        clocks = [each for each in clocks if not is_phase(root, each)]
    if asked is None:
        variant = "ntp" if root.exists(_PPS) else "tempcomp"
        if clocks and variant != "tempcomp":
            notes.append(f"{clocks[0].where} names a reference clock already, so none is added")
            variant = "tempcomp"
        return Fit(variant, line_there, phase_there, tuple(notes))
    gpsd = upstream_version(package_version(root, "gpsd"))
    if asked == "gpsd" and gpsd is not None and gpsd < _GPSD_WITH_SOCKET:
        asked = "gpsd-shm"
        notes.append(
            f"gpsd {gpsd[0]}.{gpsd[1]} has no socket for its messages, so chrony reads its shared memory"
        )
    there = {refclock_device(root, each.words): each.where for each in clocks}
    for line in chrony_refclocks(asked):
        device = refclock_device(root, line.split()[1:])
        if device in there and not force:
            raise ConfigError(
                f"{there[device]}: chrony has a reference clock on {device} already, and --chrony {asked} would"
                " add a second one: leave --chrony out, or remove that line, or add --force"
            )
    return Fit(asked, line_there, phase_there, tuple(notes))


def _tempcomp_line(root: Root, lines: list[Tempcomp], clocks: Iterable[Directive]) -> tuple[bool, list[str]]:
    """For the tempcomp file: whether a right line is there, and what to say."""
    for clock in clocks:
        if _is_tcxo(root, clock):
            raise ConfigError(
                f"{clock.where}: this refclock takes the TCXO from {paths.SOCK}, and with tempcomp the same error"
                " would be corrected twice: remove that line, or install with --refclock"
            )
    if not lines:
        return False, []
    used = lines[-1]
    if _reads_output(root, used) and used.takes_ppm_as_is:
        return True, [f"{used.where} is the tempcomp line already, so none is added"]
    return False, [f"{used.where} is another tempcomp line, and chrony uses only the last: remove that one"]


def _refclock_line(
    root: Root, lines: Iterable[Tempcomp], clocks: Iterable[Directive]
) -> tuple[bool, list[str]]:
    """The same for the reference clock."""
    for line in lines:
        if _reads_output(root, line):
            raise ConfigError(
                f"{line.where}: this tempcomp line reads {line.path}, and with --refclock the same error would be"
                " corrected twice: remove that line, or install without --refclock"
            )
    for clock in clocks:
        if not _is_tcxo(root, clock):
            continue
        if "local" not in (word.lower() for word in clock.words):
            raise ConfigError(
                f"{clock.where}: this refclock on {paths.SOCK} lacks 'local', and the TCXO gives no absolute time:"
                " add that word, or remove that line"
            )
        return True, [f"{clock.where} is the TCXO's refclock already, so none is added"]
    return False, []


def _phase_lines(root: Root, clocks: list[Directive]) -> tuple[bool, list[str]]:
    """For GPSP: whether its line is there, and what to say of it and of the kernel's pulses beside it."""
    notes = []
    found = [each for each in clocks if is_phase(root, each)]
    for each in found:
        problem = phase_line_problem(root, each)
        if problem:
            raise ConfigError(f"{each.where}: {problem}: write there: {chrony_line(paths.PHASE_SOCK)}")
    if found:
        notes.append(f"{found[0].where} is GPSP's refclock already, so none is added")
    if len(found) > 1:
        raise ConfigError(f"{found[1].where}: a second refclock on {paths.PHASE_SOCK}: remove one of them")
    for each in followed_pulses(root, clocks):
        notes.append(
            f"{each.where}: beside GPSP this pulse should only be a witness: write there: {as_witness(each)}"
        )
    return bool(found), notes


def _is_ours(directive: Directive) -> bool:
    return posixpath.normpath(directive.where.rpartition(":")[0]) == paths.CHRONY_SNIPPET


def _reads_output(root: Root, line: Tempcomp) -> bool:
    return {line.path, root.real(line.path)} & {paths.OUTPUT, paths.REAL_OUTPUT} != set()


def _is_tcxo(root: Root, clock: Directive) -> bool:
    return refclock_device(root, clock.words) == root.real(paths.SOCK)
