"""tools/bench: what the estimators reach on every scenario, and what the daemon costs.

Figures only, no pass or fail: the tests hold the limits that must never break, this shows how good it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from tcxo_host.errors import TcxoError
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.sim.scenario import Fault, Scenario, load_scenario, scenario_names
from tcxo_protocol.spec import Role

from .cost import daemon_cost, throughput_edges_per_s
from .dump import measure
from .heat import heat_figures
from .phase import phase_figures
from .riccati import bound_rms_ppm
from .trial import Track, run_trial

__all__ = ["main"]

EPILOG = """\
example:
  tools/bench --scenario day --scenario load
  tools/bench --json > bench.json
  tools/bench --plot load.svg
"""

GLITCH_US = 500.0
ROLES = (Role.GPS_PPS.label, Role.RTC_PPS.label, Role.HOST_PWM.label)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; return an exit status."""
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    except TcxoError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description=__doc__.splitlines()[0] if __doc__ else "",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--seconds", type=int, help="at most so many simulated seconds of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--no-cost", action="store_true", help="leave out throughput, daemon and tcxo-dump")
    parser.add_argument("--days", type=int, metavar="N", help="also N days without a break (8 s of CPU each)")
    parser.add_argument(
        "--holdover", action="store_true", help="also: how long a GPS loss each oscillator survives"
    )
    parser.add_argument("--ticks", action="store_true", help="also: what coarse ticks of a 10 MHz clock cost")
    parser.add_argument("--plot", metavar="FILE", help="draw the load scenario to FILE (svg, png) and stop")
    return parser


def _run(args: argparse.Namespace) -> int:
    if args.plot:
        from .plot import draw_load

        draw_load(args.plot, args.seed)
        return 0
    report: dict[str, Any] = {"scenarios": {}}
    _say(args, "rms errors, bounds and worst errors in ppb (0.001 ppm); sigma2: mean squared error in sigmas")
    _say(
        args,
        "track, sigmas: the same worst while it says track, and in its own sigmas; off: seconds until 10 s",
    )
    _say(args, "means are below 3 ppb again after the worst trouble; hold: seconds without a new value")
    _say(args, f"{'scenario':<15}{'kalman':>9}{'boxcar64':>10}{'gain':>7}{'bound':>7}{'ratio':>7}"
               f"{'worst':>9}{'track':>8}{'sigmas':>7}{'sigma2':>8}{'off':>6}{'hold':>6}")  # fmt: skip
    for name in args.scenario or scenario_names():
        figures = scenario_figures(load_scenario(name), args.seed, args.seconds)
        report["scenarios"][name] = figures
        _say(args, _line(name, figures))
    if not args.scenario:
        report["glitch_moves_ppm"] = glitch_figures(args.seed)
        _say(args, f"one {GLITCH_US:g} us glitch moves it by (ppb): " + _listed(report["glitch_moves_ppm"]))
        report["phase"] = phase_figures(args.seed)
        _say(args, f"phase, ns: {report['phase']}")
        report["heat"] = heat_figures(args.seed)
        for name, figures in report["heat"].items():
            _say(args, f"heat, {name}: {_figures(figures)}")
    if args.days:
        from .long import long_figures

        report["long"] = long_figures(args.days, args.seed, lambda line: _say(args, line))
        _say(args, f"long: {report['long']}")
    if args.holdover:
        from .holdover import holdover_figures

        report["holdover"] = holdover_figures(lambda line: _say(args, line))
    if args.ticks:
        from .ticks import tick_figures

        report["ticks"] = tick_figures(args.seed, lambda line: _say(args, line))
    if not args.no_cost:
        report["throughput_edges_per_s"] = round(throughput_edges_per_s(args.seed))
        report |= daemon_cost()
        _say(args, f"throughput {report['throughput_edges_per_s']} edges/s on one core")
        _say(args, f"daemon {report['daemon_rss_mib']} MiB, {report['daemon_cpu_s_per_h']} CPU s an hour")
        report["dump"] = measure(args.seed)
        _say(args, "tcxo-dump, a day's capture: " + _figures(report["dump"]))
    if args.json:
        print(json.dumps(report))
    return 0


def scenario_figures(scenario: Scenario, seed: int, seconds: int | None) -> dict[str, Any]:
    """The figures of one scenario; None where there is none. Errors are of the value chrony has."""
    length = min(scenario.duration_s, seconds or scenario.duration_s)
    both = {name: make_estimator(name) for name in ("kalman", "boxcar64")}
    tracks = run_trial(scenario, both, seed, length)
    whole = tracks["kalman"]
    kalman, boxcar = (tracks[name].after(scenario.settle_s) for name in both)
    if scenario.settle_s == 0 and boxcar.seconds.size:
        kalman = kalman.after(int(boxcar.seconds[0]))  # compare where both have a value
    if not kalman.seconds.size:
        return {"published": 0}
    kalman_rms, boxcar_rms = kalman.rms_ppm(), boxcar.rms_ppm()
    figures: dict[str, Any] = {
        "kalman_rms_ppm": kalman_rms,
        "boxcar64_rms_ppm": boxcar_rms,
        "gain": boxcar_rms / kalman_rms,
        "worst_ppm": kalman.worst_ppm(),
        **_track_figures(kalman),
        "normalised_squared": float(np.mean(kalman.normalised() ** 2)),
        "published": int(whole.fresh.sum()),
        "first_publish_s": int(whole.seconds[0]) + 1,
    }
    if scenario.linear_gaussian:
        bound = bound_rms_ppm(scenario)
        figures |= {"bound_rms_ppm": bound, "bound_ratio": kalman_rms / bound}
    outage = _gps_outage(scenario)
    if outage and outage[1] <= length:
        figures |= _outage_figures(whole.between(*outage))
    return {key: value if isinstance(value, int) else _rounded(value) for key, value in figures.items()}


def _track_figures(kalman: Track) -> dict[str, Any]:
    """What is worst while it claims to track, how long trouble lasts, and how long nothing new is published."""
    claimed = kalman.tracking()
    return {
        "track_worst_ppm": claimed.worst_ppm() if claimed.seconds.size else 0.0,
        "track_worst_sigmas": float(np.abs(claimed.normalised()).max()) if claimed.seconds.size else 0.0,
        "off_s": kalman.lasting_s(),
        "above_100_ppb_s": int((np.abs(kalman.error_ppm) > 0.1).sum()),
        "hold_s": int((~kalman.fresh).sum()),
    }


def glitch_figures(seed: int) -> dict[str, float]:
    """By channel: how far (ppm) one late edge moves any published value, against the run without it."""
    steady = load_scenario("steady")
    clean = _published(steady, seed)
    moves = {}
    for role in ROLES:
        fault = Fault("glitch", role, at_s=600.1, shift_us=GLITCH_US)
        spoiled = _published(dataclasses.replace(steady, fault=(fault,)), seed)
        moves[role] = _rounded(float(np.abs(spoiled.file_ppm - clean.file_ppm).max()))
    return moves


def _published(scenario: Scenario, seed: int) -> Track:
    return run_trial(scenario, {"kalman": make_estimator("kalman")}, seed, 1200)["kalman"]


def _gps_outage(scenario: Scenario) -> tuple[int, int] | None:
    """The one long GPS outage of a scenario that has one."""
    for fault in scenario.fault:
        if (
            fault.kind == "outage"
            and fault.role == Role.GPS_PPS.label
            and not fault.every_s
            and fault.duration_s > 600
        ):
            return round(fault.at_s), round(fault.at_s + fault.duration_s)
    return None


def _outage_figures(outage: Track) -> dict[str, float]:
    """The last minute of the outage, and the worst error in units of its own sigma."""
    if not outage.fresh.any():
        return {}
    last = outage.after(int(outage.seconds[-1]) - 59)
    return {
        "outage_end_rms_ppm": last.rms_ppm(),
        "outage_worst_ppm": outage.worst_ppm(),
        "outage_worst_sigmas": float(np.abs(outage.normalised()).max()),
        "outage_published_share": float(outage.fresh.mean()),
    }


def _line(name: str, figures: dict[str, Any]) -> str:
    if "kalman_rms_ppm" not in figures:
        return f"{name:<15} nothing published"
    bound = figures.get("bound_rms_ppm")
    bounds = f"{bound * 1e3:7.3f}{figures['bound_ratio']:7.3f}" if bound else " " * 14
    line = (
        f"{name:<15}{figures['kalman_rms_ppm'] * 1e3:9.3f}{figures['boxcar64_rms_ppm'] * 1e3:10.3f}"
        f"{figures['gain']:7.2f}{bounds}{figures['worst_ppm'] * 1e3:9.2f}"
        f"{figures['track_worst_ppm'] * 1e3:8.2f}{figures['track_worst_sigmas']:7.1f}"
        f"{figures['normalised_squared']:8.2f}{figures['off_s']:6d}{figures['hold_s']:6d}"
    )
    if "outage_end_rms_ppm" in figures:
        line += (
            f"\n{'':<15}outage: rms {figures['outage_end_rms_ppm'] * 1e3:.2f} in its last minute,"
            f" worst {figures['outage_worst_ppm'] * 1e3:.2f} or {figures['outage_worst_sigmas']:.1f} sigma"
        )
    return line


def _listed(moves: dict[str, float]) -> str:
    return ", ".join(f"{role} {ppm * 1e3:.3f}" for role, ppm in moves.items())


def _figures(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _say(args: argparse.Namespace, line: str) -> None:
    """Lines for people; on stderr when stdout is to be JSON."""
    print(line, file=sys.stderr if args.json else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
