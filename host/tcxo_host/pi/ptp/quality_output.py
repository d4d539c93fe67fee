"""Tells ptp4l what the clock is worth, as an output of the daemon: at each change, and again now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...config.settings import PtpConfig
from ...daemon.chronyc import COMMAND, TrackingWatch
from ...daemon.output import Output
from ...errors import OutputError
from ...files import replace_file
from ..root import Root
from .pmc import Pmc, ask, fields_of, pmc_command
from .quality import Clock, Quality, set_command
from .tai import tai_offset

__all__ = ["AGAIN_S", "LOST_SUFFIX", "PtpOutput"]

AGAIN_S = 20.0
"""A ptp4l that was restarted begins with its configuration's class 248."""
LOST_SUFFIX = ".lost"
"""Beside pmc's own socket: the command that takes the claim back."""
_NAME = "GRANDMASTER_SETTINGS_NP"


class PtpOutput(Output):
    """Never waits for ptp4l; when the daemon ends, neither does the claim outlive it.

    ``chronyc``: the command that asks chronyd; ``now_s`` and ``utc_s`` for tests.
    """

    name = "ptp"

    def __init__(
        self,
        config: PtpConfig,
        root: Root,
        chronyc: tuple[str, ...] = COMMAND,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._root, self._now_s = config, root, now_s
        self._clock = Clock(config.holdover_s, ptp_timescale=config.timestamping == "hardware")
        self._tracking = TrackingWatch(chronyc)
        self._pmc = Pmc()
        self._told: Quality | None = None
        self._asked: Quality | None = None
        self._asked_s = float("-inf")
        self._left = ""
        self._problem = "not told yet"

    def status(self, values: Mapping[str, Any]) -> None:
        """About once a second, with or without a closed second. Raises OutputError while ptp4l does not take it."""
        now_s, utc_s = self._now_s(), time.time()
        quality = self._clock.quality(
            now_s,
            str(values["state"]),
            values.get("sigma_ppm"),
            self._tracking.latest(now_s),
            utc_s,
            tai_offset(self._root, utc_s),
        )
        self._leave(set_command(self._clock.lost()))
        self._collect(now_s)
        changed = quality.clock_class != (self._asked.clock_class if self._asked else None)
        if not self._pmc.is_asking and (changed or now_s - self._asked_s >= AGAIN_S):
            self._asked, self._asked_s = quality, now_s
            self._problem = self._pmc.start(self._command(quality), now_s) or self._problem
        if self._told is None and now_s - self._asked_s < AGAIN_S / 2:
            return
        if self._problem:
            raise OutputError(f"{self._config.uds}: ptp4l's quality cannot be set: {self._problem}")

    def about(self, hold: str) -> Mapping[str, Any]:
        """``ptp``: the class that ptp4l has confirmed, None while it has not."""
        return {
            "ptp": {"clock_class": self._told.clock_class if self._told else None, "problem": self._problem}
        }

    def close(self) -> None:
        """Nobody will keep the claim true: it goes, before the daemon does."""
        self._pmc.close()
        self._tracking.close()
        ask(self._command(self._clock.lost()))

    def _leave(self, command: str) -> None:
        """What is to be said after a crash, for the unit's ExecStopPost."""
        if command != self._left and self._config.own_socket:
            with contextlib.suppress(OSError):
                replace_file(Path(self._config.own_socket + LOST_SUFFIX), command.encode())
                self._left = command

    def _collect(self, now_s: float) -> None:
        text = self._pmc.answer(now_s)
        if text is None:
            return
        taken = fields_of(text, _NAME)
        if taken and self._asked and taken.get("clockClass") == str(self._asked.clock_class):
            self._told, self._problem = self._asked, ""
        else:
            self._told = None
            self._problem = "it refuses" if "MANAGEMENT_ERROR_STATUS" in text else "it does not answer"

    def _command(self, quality: Quality) -> tuple[str, ...]:
        config = self._config
        return pmc_command(config.uds, config.domain, config.own_socket, set_command(quality))
