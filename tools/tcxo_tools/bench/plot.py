"""The README's picture: a Pi under changing load, and what each estimator tells chrony about it."""

from __future__ import annotations

from pathlib import Path

from tcxo_host.errors import OutputError, missing_extra
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.sim.scenario import load_scenario

from .trial import run_trial

__all__ = ["draw_load"]

START_S, END_S = 1500, 3000
EVERY = 4
"""Seconds between drawn points: more cannot be seen on the page."""
COLOURS = {"boxcar64": "#d95f02", "kalman": "#1b6ca8"}
NAMES = {"boxcar64": "64 s average", "kalman": "clock filter (kalman)"}


def draw_load(path: str, seed: int) -> None:
    """Draw the ``load`` scenario to ``path``; the suffix says the format.

    Raises UnavailableError without matplotlib, OutputError when the file cannot be written.
    """
    try:
        import matplotlib
    except ImportError:
        raise missing_extra("--plot", "matplotlib", "plot") from None
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "tcxo-host"
    from matplotlib import pyplot

    estimators = {name: make_estimator(name) for name in COLOURS}
    tracks = run_trial(load_scenario("load"), estimators, seed, END_S + 5)
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 6), layout="constrained")
    for name, track in tracks.items():
        part = track.between(START_S, END_S)
        minutes = (part.seconds[::EVERY] - START_S) / 60.0
        file_ppm, error_ppm = part.file_ppm[::EVERY], part.error_ppm[::EVERY]
        if name == "boxcar64":
            truth = error_ppm - file_ppm
            above.plot(minutes, truth, color="0.2", linewidth=3.5, label="the Pi's true frequency error")
        above.plot(minutes, -file_ppm, color=COLOURS[name], linewidth=1.2, label=NAMES[name])
        label = f"{NAMES[name]}: rms {part.rms_ppm() * 1e3:.1f} ppb"
        below.plot(minutes, error_ppm * 1e3, color=COLOURS[name], linewidth=1.0, label=label)
    above.set_ylabel("frequency error, ppm")
    below.set_ylabel("left after correction, ppb")
    below.set_xlabel("time, minutes (CPU load changes every five)")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=3, frameon=False, fontsize=9)
    try:
        figure.savefig(Path(path), metadata={"Date": None} if path.endswith(".svg") else None)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot draw there: {error}") from None
    finally:
        pyplot.close(figure)
