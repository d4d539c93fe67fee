"""What the options of ``tcxo-host install`` and this machine come to: the plan."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from typing import Any

from ...config import paths
from ...config.settings import Config
from ...errors import UnavailableError, UsageError
from ...link.url import check_url
from ..chrony.config import main_file
from ..chrony.existing import Fit, fit_in
from ..doctor import check_machine
from ..doctor.check import Subject
from ..packages import package_version, upstream_version
from ..phase_fit import refuse_model, refuse_source
from ..ptp.configuration import client_plan, server_plan
from ..ptp.options import ptp_options
from ..root import Root, who_may_change
from ..source import refuse_shared_port
from .files import remembered_options
from .instance import instance_plan
from .plan import Options, Plan, make_plan
from .signal import choose_source, consoles, left_over

__all__ = ["choose_instance_plan", "choose_plan", "installed_executable", "take_as_last_time", "to_remember"]

_REMEMBERED = ("link", "source", "pin", "chrony", "refclock", "phase", "ptp", "interface", "measure_only")
"""The options that ``--upgrade`` takes again; ``executable`` and ``model`` are found anew."""

_NO_CHRONY = "chrony is not installed here: sudo apt install chrony, then install again"


def take_as_last_time(args: argparse.Namespace, root: Root) -> None:
    """Fill in the options of the last installation. Raises UsageError when others are given."""
    if args.instance is not None:
        raise UsageError("--upgrade and --instance contradict each other: leave one of them out")
    remembered = remembered_options(root)
    given = [
        f"--{name.replace('_', '-')}" for name in _REMEMBERED if getattr(args, name) != args.defaults[name]
    ]
    if given:
        raise UsageError(f"--upgrade takes the options of the last time: leave out {', '.join(given)}")
    for name in set(_REMEMBERED) & set(remembered):
        setattr(args, name, remembered[name])


def to_remember(args: argparse.Namespace, root: Root) -> dict[str, Any]:
    """The options for ``--upgrade``: those of the daemon that is chrony's, not of another instance or a PTP client."""
    beside = args.ptp == "client" and root.exists(f"{paths.UNITS}/tcxo-host.service")
    if args.instance is None and not beside:
        return {name: getattr(args, name) for name in _REMEMBERED}
    with contextlib.suppress(UnavailableError):
        return remembered_options(root)
    return {}


def choose_plan(args: argparse.Namespace, root: Root) -> tuple[Plan, tuple[str, ...]]:
    """The plan, and what was found in chrony's configuration that shaped it."""
    ptp = ptp_options(root, args.ptp, args.interface) if args.ptp else None
    if args.interface and not ptp:
        raise UsageError("--interface is for --ptp: give it as well, or leave it out")
    if ptp and ptp.role == "client":
        if main_file(root) is None:
            raise UnavailableError(_NO_CHRONY)
        return client_plan(ptp), ()
    if ptp and args.measure_only:
        raise UsageError("--ptp server and --measure-only contradict each other: leave one of them out")
    plan, notes = _board_plan(args, root)
    return server_plan(ptp, plan) if ptp else plan, notes


def _board_plan(args: argparse.Namespace, root: Root) -> tuple[Plan, tuple[str, ...]]:
    model, source = choose_source(root, args.source, args.model, args.measure_only)
    if args.phase and args.measure_only:
        raise UsageError("--phase and --measure-only contradict each other: leave one of them out")
    if args.phase:
        refuse_source(source)
        if model is not None:
            refuse_model(model)
    if not args.measure_only and main_file(root) is None:
        raise UnavailableError(_NO_CHRONY)
    fit = Fit("tempcomp")
    if not args.measure_only:
        fit = fit_in(root, args.chrony, refclock=args.refclock, force=args.force, phase=args.phase)
    subject = Subject(root, Config())
    # also for an upgrade, when the board may be unplugged
    link = args.link = check_url(args.link) if args.link else _find_board(root)
    refuse_shared_port(root, link, source)
    options = Options(
        executable=installed_executable(args.executable, root.is_live),
        link=link,
        gpio=args.pin,
        chrony=fit.variant,
        measure_only=args.measure_only,
        refclock=args.refclock,
        phase=args.phase,
        line_there=fit.line_there,
        phase_line_there=fit.phase_line_there,
        source=source.signal,
        baud=source.baud,
        has_late_stamps=(upstream_version(package_version(root, "chrony")) or (0, 0)) >= (4, 4),
    )
    main = main_file(root)
    plan = make_plan(
        options,
        model,
        check_machine.config_txt(subject)[0],
        apparmor=root.exists(paths.APPARMOR_PROFILE),
        chrony_confdir=main is None or "confdir /etc/chrony/conf.d" in (root.read(main) or ""),
        consoles=consoles(subject.root, source, model),
    )
    return plan, (*fit.notes, *left_over(root, source))


def choose_instance_plan(args: argparse.Namespace, root: Root) -> Plan:
    """The plan for a second daemon, which is never chrony's."""
    if args.chrony or args.refclock or args.phase or args.ptp:
        raise UsageError(
            "--instance goes with none of --chrony, --refclock, --phase and --ptp: only one daemon is chrony's"
        )
    if not args.link:
        raise UsageError("--instance needs --link: which of the boards is it?")
    return instance_plan(root, args.instance, check_url(args.link), measure_only=args.measure_only)


def installed_executable(given: str | None, live: bool) -> str:
    """The absolute path for the units. Raises UsageError for one that a service cannot start, or, on this
    machine (``live``), that others than root may exchange."""

    path = given or shutil.which(sys.argv[0]) or os.path.join(os.path.dirname(sys.executable), "tcxo-host")
    path = os.path.abspath(path)
    if path.startswith("/root/"):
        raise UsageError(
            f"{path} lies in root's home, where the service's user may not go: install the package into"
            " /opt/tcxo-host (see README), or name another one with --executable"
        )
    if live and (others := who_may_change(path)):
        raise UsageError(
            f"{path}: {others}, but a service runs it as root at each start: install the package into"
            " /opt/tcxo-host as root (see README), or name another one with --executable"
        )
    return path


def _find_board(root: Root) -> str:
    """The link of the board that is plugged in, by its lasting name; else the usual device."""
    folder = "/dev/serial/by-id"
    for name in root.names(folder):
        if any(word in name for word in ("MicroPython", "Pyboard", "STM32")):
            return f"serial:{folder}/{name}"
    return "serial:/dev/ttyACM0"
