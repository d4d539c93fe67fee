"""Everything about two sources side by side: bias, drift, TDEV, MTIE, outages, and what would make them agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError, UnavailableError, UsageError
from ...pi.chrony.measurements_log import MeasurementsLog
from ...pi.chrony.refclock_log import RefclockLog
from .bias import Bias, constant_bias
from .deviations import Deviation, deviation, gapless
from .two_sources import LEAST_SAMPLES, Difference, Outage, Source, difference, outages

__all__ = ["Comparison", "as_json", "chosen_pairs", "compare", "offset_options", "sources_of_logs"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``bias``: None where the samples are too few for an interval. ``deviations``: ``tdev`` and ``mtie`` of the
    difference over its longest stretch without a gap; empty, with ``no_deviations`` saying why, where there is none."""

    first: Source
    second: Source
    both: Difference
    bias: Bias | None
    outages: list[Outage]
    deviations: dict[str, Deviation]
    no_deviations: str


def sources_of_logs(
    refclocks: Sequence[RefclockLog], measurements: Sequence[MeasurementsLog], *, raw: bool = False
) -> dict[str, Source]:
    """Sources by name, of logs that may overlap. Of a reference clock the filtered samples, which chrony steers by, or
    with ``raw`` every one (the others where it has none); of a server the measurements that passed chrony's tests."""
    found: dict[str, Source] = {}
    for name in sorted({name for log in refclocks for name in (*log.samples, *log.filtered)}):
        samples = [log.samples[name] for log in refclocks if name in log.samples]
        filtered = [log.filtered[name] for log in refclocks if name in log.filtered]
        chosen = (raw and samples) or filtered or samples
        found[name] = _source(name, [(each.utc_s, each.offset_s) for each in chosen])
    for name in sorted({name for log in measurements for name in log.servers}):
        parts = [log.servers[name] for log in measurements if name in log.servers]
        found[name] = _source(name, [(each.utc_s[each.passed], each.offset_s[each.passed]) for each in parts])
    return {name: each for name, each in found.items() if each.utc_s.size >= LEAST_SAMPLES}


def chosen_pairs(sources: Mapping[str, Source], against: str | None) -> list[tuple[Source, Source]]:
    """Every source with the one named, or with that of the most samples. Raises UsageError for another name, DataError
    where there are not two."""
    if against is not None and against not in sources:
        raise UsageError(f"--against {against}: not in the logs, which have {', '.join(sources) or 'none'}")
    if len(sources) < 2:
        raise DataError(
            f"compare: two sources with {LEAST_SAMPLES} samples are needed,"
            f" the logs have {', '.join(sources) or 'none'}"
        )
    second = sources[against] if against else max(sources.values(), key=lambda each: each.utc_s.size)
    return [(each, second) for each in sources.values() if each is not second]


def compare(first: Source, second: Source) -> Comparison:
    """All of it. Raises DataError where they have too little in common."""
    both = difference(first, second)
    run_s = gapless(both.on_grid())
    found, why = {}, ""
    if run_s.size < LEAST_SAMPLES:
        why = f"no {LEAST_SAMPLES} samples without a gap"
    else:
        try:
            found = {kind: deviation(kind, run_s, both.interval_s) for kind in ("tdev", "mtie")}
        except UnavailableError as error:
            why = str(error)
    return Comparison(
        first,
        second,
        both,
        constant_bias(both.utc_s, both.x_s),
        outages(first, second, both),
        found,
        why,
    )


def offset_options(result: Comparison) -> dict[str, float]:
    """What to add to the ``offset`` (s) of the first source, or else of the second, so that they agree; empty where
    no constant bias is seen. chrony adds ``offset`` to the samples (``refclock.c``, ``ntp_core.c``)."""
    bias = result.bias
    if bias is None or bias.wanders or not bias.is_seen:
        return {}
    return {result.first.name: -bias.bias_s, result.second.name: bias.bias_s}


def as_json(result: Comparison) -> dict[str, Any]:
    """The comparison as JSON-able values, seconds and Unix time."""
    tables = {
        kind: {
            "tau_s": each.tau_s.tolist(),
            f"{kind}_s": each.value.tolist(),
            **({} if kind == "mtie" else {"low_s": each.low.tolist(), "high_s": each.high.tolist()}),
            "windows": each.windows.tolist(),
        }
        for kind, each in result.deviations.items()
    }
    return {
        "first": result.first.name,
        "second": result.second.name,
        "samples": int(result.both.x_s.size),
        "outliers": result.both.outliers,
        "interval_s": result.both.interval_s,
        "from_utc_s": float(result.both.utc_s[0]),
        "to_utc_s": float(result.both.utc_s[-1]),
        "bias": None if result.bias is None else {**asdict(result.bias), "is_seen": result.bias.is_seen},
        "offset_options_s": offset_options(result),
        "outages": [asdict(each) for each in result.outages],
        "deviations": tables or None,
    }


def _source(name: str, parts: list[tuple[Floats, Floats]]) -> Source:
    """In order of time; rotated files may overlap, so a moment counts once."""
    utc_s, once = np.unique(np.concatenate([part[0] for part in parts]), return_index=True)
    return Source(name, utc_s, np.concatenate([part[1] for part in parts])[once])
