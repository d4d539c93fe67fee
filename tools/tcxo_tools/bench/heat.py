"""What the oven reaches on the simulated Pi: the raw crystal's frequency with and without it, and the die's calm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tcxo_host.cli.machine.heat.simulated import SimulatedPi, TrueRow
from tcxo_host.pi.heat.averages import Row
from tcxo_host.pi.heat.follow import Brain, follow
from tcxo_host.pi.heat.learn.curve import CurveFit
from tcxo_host.pi.heat.learn.sweep import Idle, Sweep, learned_curve, learned_reach
from tcxo_host.pi.heat.oven.oven import Oven
from tcxo_host.pi.heat.oven.reading import STEP_S
from tcxo_host.pi.heat.oven.set_point import choose
from tcxo_host.pi.heat.oven.slope_walk import SlopeWalk
from tcxo_host.sim.thermal_plant import Crystal, DieSensor, Room, TelegraphLoad

__all__ = [
    "SENSORS",
    "calm_figures",
    "door_figures",
    "heat_figures",
    "learn_figures",
    "ran",
    "steady_figures",
    "walk_figures",
]

Floats = npt.NDArray[np.float64]

CORES = frozenset({1, 2, 3})
LIMIT_C = 75.0
SENSORS = {"step_0.487": (0.487, 0.0), "step_0.487_noisy": (0.487, 0.3), "step_0.054": (0.054, 0.0)}
SETTLED_S = 7200.0
"""From cold to a settled case."""
_DOOR_S = 14 * 3600.0
_CALM_C = 61.0


def heat_figures(seed: int = 1, hours: float = 24.0) -> dict[str, Any]:
    """Everything under ``heat``: so many simulated hours each, load and room as they come."""
    free = ran(_pi(seed), Idle(), hours)[0]
    report: dict[str, Any] = {}
    for name, sensor in SENSORS.items():
        learned, set_point_c = learn_figures(seed, sensor)
        held = steady_figures(_pi(seed + 1, sensor), set_point_c, free, hours)
        report[name] = {**learned, **held, **calm_figures(sensor), **door_figures(sensor)}
    far = Crystal(turnover_k=45.0)
    free_far = ran(_pi(seed, crystal=far), Idle(), hours)[0]
    report["walk"] = walk_figures(seed)
    report["turnover_out_of_reach"] = steady_figures(_pi(seed + 1, crystal=far), 59.7, free_far, hours)
    return report


def learn_figures(
    seed: int, sensor: tuple[float, float], hours: float = 6.0
) -> tuple[dict[str, float], float]:
    """How well the turnover is learned, and the set-point that follows. The truth is in the sensor's own readings."""
    pi = _pi(seed, sensor, room=Room(sun_k=0.0, heating_k=0.0))
    _, rows = ran(pi, Sweep(CORES, hours * 3600.0), hours)
    fit, reach = learned_curve(rows), learned_reach(rows)
    assert isinstance(fit, CurveFit)
    assert reach is not None
    choice = choose(fit.turnover, reach, LIMIT_C)
    assert choice.celsius is not None
    if fit.turnover is None:
        return {}, choice.celsius
    room_c = pi.room.celsius(0.0)
    true_c = pi.plant.die_for_crystal_c(pi.crystal.turnover_c, room_c) - sensor[0] / 2
    return {
        "turnover_error_k": _rounded(fit.turnover.celsius - true_c),
        "turnover_half_width_k": _rounded((fit.turnover.high_c - fit.turnover.low_c) / 2),
    }, choice.celsius


def steady_figures(
    pi: SimulatedPi, set_point_c: float, free: Sequence[TrueRow], hours: float
) -> dict[str, float]:
    """Standard deviations of frequency and die, settled, beside those of a Pi that is left alone."""
    held, _ = ran(pi, Oven(CORES, set_point_c), hours)
    without, with_oven = _settled(free), _settled(held)
    return {
        "raw_std_ppm": _rounded(without[:, 2].std()),
        "held_std_ppm": _rounded(with_oven[:, 2].std()),
        "gain": _rounded(without[:, 2].std() / with_oven[:, 2].std()),
        "die_free_std_k": _rounded(without[:, 1].std()),
        "die_std_k": _rounded(with_oven[:, 1].std()),
        "burn_cores": _rounded(with_oven[:, 3].mean()),
    }


def calm_figures(sensor: tuple[float, float]) -> dict[str, float]:
    """The last hour of four, nothing but the oven moving anything: a limit cycle would show."""
    pi = SimulatedPi(sensor=DieSensor(*sensor), room=Room(sun_k=0.0, heating_k=0.0), truth_every=1)
    last = _array(ran(pi, Oven(CORES, _CALM_C), 4.0)[0])[-round(3600 / STEP_S) :]
    return {"calm_peak_to_peak_k": _rounded(np.ptp(last[:, 1])), "calm_std_k": _rounded(last[:, 1].std())}


def door_figures(sensor: tuple[float, float]) -> dict[str, float]:
    """A door open for ten minutes, 8 K colder: how far off the die's minute means are, and when it is over."""
    room = Room(sun_k=0.0, heating_k=0.0, doors=((_DOOR_S + 7200.0, _DOOR_S + 7800.0),))
    pi = SimulatedPi(sensor=DieSensor(*sensor), room=room, start_s=_DOOR_S)
    die_c = _array(ran(pi, Oven(CORES, _CALM_C), 3.0)[0])[:, 1]
    aim = float(np.mean(die_c[6600:7200]))
    minutes = np.abs(die_c[7200:10800].reshape(-1, 60).mean(axis=1) - aim)
    off = np.flatnonzero(minutes > 0.1)
    return {
        "door_worst_k": _rounded(minutes.max()),
        "door_over_after_s": max(0, (int(off[-1]) + 1) * 60 - 600) if off.size else 0,
    }


def walk_figures(seed: int = 1, hours: float = 36.0, off_k: float = -3.0) -> dict[str, float]:
    """The outer loop, begun beside the turnover in a steady room: how far away it is then, and at the end."""
    pi = _pi(seed, room=Room(sun_k=0.0, heating_k=0.0))
    true_c = pi.plant.die_for_crystal_c(pi.crystal.turnover_c, pi.room.celsius(0.0)) - 0.487 / 2
    walk = SlopeWalk(true_c + off_k, 0.0066, true_c - 5.0, true_c + 5.0)
    ran(pi, Oven(CORES, true_c + off_k, walk=walk), hours)
    return {
        "off_before_k": _rounded(off_k),
        "off_after_k": _rounded(walk.base_c - true_c),
        "steps": len(walk.slopes),
    }


def ran(pi: SimulatedPi, brain: Brain, hours: float) -> tuple[list[TrueRow], list[Row]]:
    """The truth, a row a second, and the record, a row each ten seconds, of so many hours."""
    rows: list[Row] = []
    stop = follow(
        pi, brain, "bench", lambda row, command: rows.append(row), lambda r: r.t_s >= hours * 3600.0
    )
    assert not stop, stop
    return pi.truth, rows


def _pi(
    seed: int,
    sensor: tuple[float, float] = SENSORS["step_0.487"],
    crystal: Crystal | None = None,
    room: Room | None = None,
) -> SimulatedPi:
    load = TelegraphLoad(seed)
    return SimulatedPi(crystal=crystal, room=room, load=load, sensor=DieSensor(*sensor), seed=seed)


def _array(rows: Sequence[TrueRow]) -> Floats:
    return np.array([(row.t_s, row.die_c, row.ppm, row.burn_cores) for row in rows])


def _settled(rows: Sequence[TrueRow]) -> Floats:
    whole = _array(rows)
    return whole[whole[:, 0] >= SETTLED_S]


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")
