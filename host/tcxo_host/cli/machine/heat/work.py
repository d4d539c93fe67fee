"""What takes hours: recording, learning and holding, on this Pi or a simulated one."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....config import paths
from ....config.load import load_config
from ....daemon.state_file import StateFile
from ....errors import DataError, SafetyStop, TcxoError, UnavailableError, UsageError
from ....pi.heat.averages import Row
from ....pi.heat.follow import Brain, Machine, follow
from ....pi.heat.learn.sweep import Idle, Sweep, learned_curve, learned_reach
from ....pi.heat.oven.guard import Limits
from ....pi.heat.oven.oven import Command, Oven
from ....pi.heat.oven.reading import Reading
from ....pi.heat.oven.set_point import Choice, choose
from ....pi.heat.oven.slope_walk import SlopeWalk
from ....pi.heat.paths import CURVE_KIND, HeatPaths
from ....pi.heat.record import Record, only_one, read_rows
from ....pi.heat.report import WATTS_PER_CORE, curve_lines, curve_values, yearly_kwh
from ....pi.heat.watch import Watch

if TYPE_CHECKING:
    from ....pi.root import Root

__all__ = ["learn", "learned_choice", "parse_cores", "work"]

_LEARN_HOURS = 6.0
_TELL_EVERY_S = 600.0


def parse_cores(text: str | None, count: int) -> frozenset[int]:
    """``1-3`` or ``0,2`` as core numbers below ``count``; None: the default. Raises UsageError."""
    if text is None:
        from ....pi.heat.live.machine import default_cores

        return default_cores(count)
    cores: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdigit() and (not dash or last.isdigit())) or len(part) > 9:
            raise UsageError(f"--cores {text}: expected numbers such as 1-3 or 0,2")
        cores |= set(range(int(first), int(last or first) + 1))
    if not cores or max(cores) >= count:
        raise UsageError(f"--cores {text}: this machine has cores 0 to {count - 1}")
    return frozenset(cores)


def learn(args: argparse.Namespace, root: Root) -> int:
    """Sweep, fit, keep and show; 0 whether or not a turnover was found."""
    where = HeatPaths.of(args.dir)
    if not args.fit_only:
        hours = args.hours or _LEARN_HOURS
        with _Session(args, root, "learn", where.learned, where, anew=True, hours=hours) as session:
            sweep = Sweep(session.cores, hours * 3600.0, min(7200.0, hours * 1800.0), Limits(args.limit))
            session.follow(sweep)
    rows = read_rows(where.learned)
    fit = learned_curve(rows)
    reach = learned_reach([*rows, *(read_rows(where.free) if where.free.exists() else [])])
    if isinstance(fit, str):
        raise DataError(f"{where.learned}: {fit}: learn for longer, with the daemon tracking")
    if reach is None:
        raise DataError(f"{where.learned}: too short to tell what is within reach")
    choice = choose(fit.turnover, reach, args.limit)
    values = curve_values(fit, reach, choice)
    problem = StateFile(where.curve, CURVE_KIND).save(values)
    if args.json:
        print(json.dumps(values))
    else:
        for label, text in curve_lines(fit, choice):
            print(f"{label:<10} {text}")
    if problem:
        print(f"tcxo-host: {problem}", file=sys.stderr)
    return 1 if problem else 0


def work(args: argparse.Namespace, root: Root) -> int:
    """``watch`` or ``hold``, until it is told to end or must. Raises SafetyStop in the latter case."""
    where = HeatPaths.of(args.dir)
    holds = args.action == "hold"
    choice, bend = learned_choice(args, where) if holds else (Choice(None, ""), None)
    file = where.held if holds else where.free
    with _Session(args, root, args.action, file, where, anew=False, hours=args.hours) as session:
        if choice.celsius is None:
            return session.follow(Idle())
        print(f"tcxo-host: holds {choice.celsius:.1f} °C: {choice.why}", file=sys.stderr)
        walk = None
        if choice.at_turnover and bend and not args.no_walk:
            walk = SlopeWalk(choice.celsius, bend, choice.low_c, choice.high_c)
        oven = Oven(session.cores, choice.celsius, Limits(args.limit), walk=walk)
        return session.follow(oven, lambda: walk.slopes[-1].ppm_per_k if walk and walk.slopes else None)


def learned_choice(args: argparse.Namespace, where: HeatPaths) -> tuple[Choice, float | None]:
    """The set-point and the curve's bend there, from the command line or from what was learned.

    Raises UnavailableError where nothing was learned, DataError for a damaged file, UsageError against ``--limit``.
    """
    if args.set_point is not None:
        return Choice(args.set_point, "as told; whether it can be held shows", False), None
    content, problem = StateFile(where.curve, CURVE_KIND).load()
    if content is None:
        remedy = "run 'tcxo-host heat learn' first, or name one with --set-point"
        raise UnavailableError(f"{problem or f'{where.curve} is not there'}: no set-point is known: {remedy}")
    try:
        low_c, high_c = content["bounds_c"]
        choice = Choice(
            content["set_point_c"], str(content["set_point_why"]), bool(content["at_turnover"]), low_c, high_c
        )
        bend = content["turnover_ppm_per_k2"]
        numbers = (low_c, high_c) if choice.celsius is None else (low_c, high_c, choice.celsius)
        if not all(0.0 < float(each) < 150.0 for each in numbers):
            raise ValueError("no temperature")
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{where.curve}: not what this version writes: learn again") from None
    if choice.celsius is None:
        raise UnavailableError(f"{choice.why}; or name one with --set-point")
    if choice.celsius > args.limit - 2.0:
        raise UsageError(
            f"the learned set-point {choice.celsius:.1f} °C is above --limit {args.limit:g} less 2 K"
        )
    return choice, bend


class _Session:
    """A machine with its record and status, for one run; closes the machine whatever happens."""

    def __init__(
        self,
        args: argparse.Namespace,
        root: Root,
        mode: str,
        file: Any,
        where: HeatPaths,
        *,
        anew: bool,
        hours: float | None,
    ) -> None:
        if args.simulate and hours is None:
            raise UsageError("--simulate runs as fast as it goes: say for how long with --hours")
        self._hours, self._mode, self._stopping = hours, mode, False
        self.machine, self.cores, close = _machine(args, root)
        self._closing = contextlib.ExitStack()
        self._closing.callback(close)
        try:
            if not args.simulate:
                self._closing.enter_context(only_one(file.parent / "lock"))
            record = Record(file, anew=anew)
        except TcxoError:
            self._closing.close()
            raise
        self._watch = Watch(mode, record, where.status, args.textfile or "")
        self._begun_s: float | None = None
        self._told_s = 0.0

    def __enter__(self) -> _Session:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def follow(self, brain: Brain, slope: Callable[[], float | None] = lambda: None) -> int:
        """Until the time is over or a signal comes; 0. Raises SafetyStop."""
        last = Command(())

        def take(row: Row, command: Command) -> None:
            nonlocal last
            last = command
            self._watch.take(row, command)
            self._tell(row)

        stop = follow(self.machine, brain, self._mode, take, self._ends, slope)
        self._watch.stopped(dataclasses.replace(last, stop=stop))
        if stop:
            raise SafetyStop(f"stopped: {stop}", "nothing burns any more; see to it, then start again")
        return 0

    def _ends(self, reading: Reading) -> bool:
        if self._begun_s is None:
            self._begun_s = reading.t_s
        over = self._hours is not None and reading.t_s - self._begun_s >= self._hours * 3600.0
        return over or self._stopping

    def _tell(self, row: Row) -> None:
        """A line now and then for who waits."""
        if row.t_s - self._told_s < _TELL_EVERY_S and self._told_s:
            return
        self._told_s = row.t_s
        done_h = (row.t_s - (self._begun_s or row.t_s)) / 3600.0
        of = f" of {self._hours:g}" if self._hours else ""
        ppm = "no frequency" if row.ppm is None else f"{row.ppm:+.4f} ppm"
        watts = row.burn_cores * WATTS_PER_CORE
        print(
            f"{done_h:5.1f}{of} h  {row.celsius:5.1f} °C  {ppm}  burns {row.burn_cores:.2f} cores, about"
            f" {watts:.1f} W ({yearly_kwh(watts):.0f} kWh a year)",
            file=sys.stderr,
        )

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True


def _machine(args: argparse.Namespace, root: Root) -> tuple[Machine, frozenset[int], Callable[[], None]]:
    """The machine, the cores that may burn, and how to close it."""
    if args.simulate:
        from ....sim.thermal_plant import TelegraphLoad
        from .simulated import SIMULATED_CORES, SimulatedPi

        seed = int(time.time())
        days = {"watch": -3, "learn": -2, "hold": -1}[args.action]  # one after the other in a plot of all
        return (
            SimulatedPi(load=TelegraphLoad(seed), seed=seed, began_utc_s=time.time() + days * 86400.0),
            parse_cores(args.cores, SIMULATED_CORES),
            lambda: None,
        )
    import os

    from ....pi.heat.live.machine import LivePi
    from ....pi.heat.live.sensors import Thermometer

    Thermometer(root)  # first of all: no sensor, no oven
    status = load_config(paths.CONFIG).output.status if root.exists(paths.CONFIG) else paths.STATUS
    cores = parse_cores(args.cores, os.cpu_count() or 1)
    if args.action == "watch":
        cores = frozenset()
    live = LivePi(root, cores, status or paths.STATUS)
    live.daemon.latest_ppm()
    if args.action == "learn" and live.daemon.problem:
        live.close()
        raise UnavailableError(
            f"{live.daemon.problem}: learning needs the frequency", "start the daemon, wait until it tracks"
        )
    return live, cores, live.close
