"""Whether the PWM is still what it was when measuring began: another program may reprogram it at any time."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import TcxoError
from ..models import PiModel
from ..root import Root
from .clock_tree import nominal_period_ns
from .sysfs import Channel, PwmState, find_channel

__all__ = ["PwmWatch"]

SETTLE_S = 10.0
"""How long to wait after the old period is back: by then what was measured meanwhile is forgotten."""


class PwmWatch:
    """Looks at the channel of ``gpio`` when asked; reads sysfs, changes nothing.

    To the board, a PWM with another period looks like a crystal that jumped. One that is set to ``rate_hz`` later
    than the daemon's start is right from then on. ``clock``: a steady one, s.
    """

    def __init__(
        self,
        root: Root,
        model: PiModel,
        gpio: int,
        rate_hz: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bias_ppm = 0.0
        """By how much the PWM is known to run fast against the system clock (``PwmTiming``)."""
        self._root, self._model, self._gpio, self._clock = root, model, gpio, clock
        self._wanted = (nominal_period_ns(rate_hz), "normal")
        self._channel: Channel | None = None
        self._first: tuple[int, str] | None = None
        self._problem = ""
        self._again_s = 0.0

    def __call__(self) -> str:
        """Why nothing that the PWM says may be published, with the remedy; empty while all is as it was."""
        state = self._state()
        if state is None or not state.enabled:
            return self._while_settling()  # its edges are missing, which the board tells
        seen = (state.period_ns, state.polarity)
        self._first = self._first or seen
        if seen == self._first:
            return self._while_settling()
        if seen == self._wanted:
            self._first, self._again_s = seen, self._clock() + SETTLE_S
            self._problem = "the PWM was set up a moment ago"
            return self._problem
        self._again_s = self._clock() + SETTLE_S
        self._problem = (
            f"another program changed the PWM on GPIO{self._gpio} from {_told(self._first)} to {_told(seen)}:"
            " end it, then 'sudo tcxo-host pwm setup'"
        )
        return self._problem

    def _while_settling(self) -> str:
        return self._problem if self._clock() < self._again_s else ""

    def _state(self) -> PwmState | None:
        try:
            if self._channel is None:
                model = self._model
                self._channel = find_channel(self._root, model, model.pin(self._gpio), time.sleep)
            return self._channel.state()
        except (TcxoError, OSError):
            self._channel = None  # a driver that is loaded again may have another number
            return None


def _told(seen: tuple[int, str]) -> str:
    period_ns, polarity = seen
    return f"{period_ns} ns{', inverted' if polarity != 'normal' else ''}"
