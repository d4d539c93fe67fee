"""What records become: a second of edges, and the board that measured it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Board", "Second", "Ticks"]

Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Board:
    """The measuring board, as it identified itself. ``rate_hz``: nominal edges a second, by role."""

    board_id: str
    boot_id: int
    tick_hz: float
    rate_hz: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Second:
    """Everything that arrived between two status records: nominally one second, but never assume so.

    ``tick_now`` is the board's extended counter at the closing status record. ``ticks`` maps a role
    (``gps_pps``, ``rtc_pps``, ``host_pwm``) to the extended counter values of its edges: int64, strictly
    increasing, without duplicates, later than any edge of an earlier second, possibly empty or with
    edges missing. ``lost`` counts the edges per role known to be missing before the last edge.
    """

    tick_now: int
    ticks: Mapping[str, Ticks]
    lost: Mapping[str, int] = field(default_factory=dict)
    temperature_c: float | None = None
