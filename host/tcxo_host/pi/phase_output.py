"""Phase on this Pi, as an output of the daemon: the parts joined as ``[phase]`` says, samples sent, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from ..config.settings import Config, PhaseConfig
from ..daemon.output import Output
from ..daemon.pipeline import Row
from ..errors import OutputError, TcxoError, UnavailableError
from ..publish.clock_pair import read_pair
from ..publish.phase.ambiguity import Witnesses
from ..publish.phase.meter import EdgeMeter
from ..publish.phase.pin import EdgeFinder, GpioLevel, Register, raw_ns
from ..publish.phase.raw_clock import RawClock
from ..publish.phase.sample import Limits, PhasePolicy, Refusal, Verdict
from ..publish.phase.second import PhaseWork
from ..publish.phase.tracker import EdgeTracker
from ..publish.phase.witness import KernelPps, system_bound_ns
from ..publish.phase_refclock import PhaseRefclock
from .models import identify_model
from .phase_fit import EXACT_PPM, refuse_model, refuse_source
from .root import Root

__all__ = ["NoPhase", "PhaseOutput", "open_phase"]

LATE_NS = 900_000_000
"""A row that was made of a record this old is one of a backlog: the next one is at hand."""


class PhaseOutput(Output):
    """Sends chronyd a sample in each second that allows one.

    ``register`` is the PWM's pin, ``counter_hz`` what CLOCK_MONOTONIC_RAW counts; ``doubt``: why the PWM may not be
    trusted, or an empty text.
    """

    name = "phase"

    def __init__(
        self,
        config: PhaseConfig,
        rate_hz: int,
        counter_hz: int,
        register: Register,
        bound_ns: Callable[[], float | None] = system_bound_ns,
        doubt: Callable[[], str] = lambda: "",
    ) -> None:
        raw = RawClock(counter_hz)
        period = raw.period_ns(Fraction(rate_hz))
        limits = Limits(config.half_width_ns, config.sigma_ns, config.offset_ns)
        finder = EdgeFinder(register, float(period))
        meter = EdgeMeter(finder, EdgeTracker(period, float(raw.tick_ns)))
        self.verdict: Verdict | None = None
        self.sent = 0
        self._work = PhaseWork(meter, PhasePolicy(limits), read_pair, raw_ns)
        self._refclock = PhaseRefclock(config.sock_path)
        self._pps = KernelPps(config.pps) if config.pps else None
        self._bound_ns = bound_ns
        self._doubt = doubt
        self._record_ns = config.record_ms * 1e6 or None

    def second(self, row: Row) -> None:
        """To be called once for each row, at once. Blocks for some tens of milliseconds, nearly all asleep."""
        if raw_ns() - row.host_ns > LATE_NS:
            return
        witnesses = Witnesses(
            system_bound_ns=self._bound_ns(),
            pps_after_ns=self._pps.after_ns() if self._pps else None,
            arrival_tick=row.tick,
            arrival_ns=row.host_ns,
            arrival_most_ns=self._record_ns,
        )
        self.verdict = self._work.second(row.estimate, witnesses, self._doubt()).verdict
        if self.verdict.sample is not None:
            self.sent += self._refclock.send(self.verdict.sample)
        if self._refclock.problem:
            raise OutputError(self._refclock.problem)

    def about(self, hold: str) -> Mapping[str, Any]:
        """``state``: sent, or the refusal's name, or what else keeps samples from chronyd; ``reason`` in words."""
        verdict = self.verdict
        sample = verdict.sample if verdict else None
        if hold:
            state, reason = str(Refusal.NOT_TRACKING), hold
        elif verdict is None:
            state, reason = "waiting", "no second has closed yet"
        elif self._refclock.problem:
            state, reason = "no-chronyd", self._refclock.problem
        else:
            state, reason = str(verdict.refusal or "sent"), verdict.reason
        told = {
            "state": state,
            "reason": reason,
            "offset_ns": round(sample.offset_ns, 1) if sample else None,
            "half_width_ns": round(sample.half_width_ns, 1) if sample else None,
            "sigma_ns": round(sample.sigma_ns, 1) if sample else None,
            "sent": self.sent,
        }
        return {"phase": told}

    def close(self) -> None:
        """Release the socket; chrony sees the samples end."""
        self._refclock.close()


class NoPhase(Output):
    """Phase that is wanted on a machine that cannot have it: said once, and in the status."""

    name = "phase"

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def second(self, row: Row) -> None:
        raise OutputError(f"{self._reason}; the frequency is corrected all the same")

    def about(self, hold: str) -> Mapping[str, Any]:
        return {"phase": {"state": "unavailable", "reason": self._reason}}


def open_phase(
    config: Config, root: Root, pwm_bias_ppm: float = 0.0, doubt: Callable[[], str] = lambda: ""
) -> Output | None:
    """The phase output of the machine at ``root``; None when it is not wanted.

    ``pwm_bias_ppm``: by how much the PWM is known to run fast against the system clock; ``doubt`` as ``PhaseOutput``'s.
    """
    if not config.phase.enabled or config.output.measure_only:
        return None
    pwm = config.pwm
    try:
        model = identify_model(root)
        refuse_source(config.source)
        refuse_model(model)
        if abs(pwm_bias_ppm) > EXACT_PPM:
            raise UnavailableError(
                f"phase: the PWM's clock is made by a fractional divider ({pwm_bias_ppm:+.4f} ppm)",
                "use the overlay line of 'tcxo-host install'",
            )
        register = GpioLevel(pwm.gpio)
        return PhaseOutput(config.phase, pwm.rate_hz, model.crystal_hz, register, doubt=doubt)
    except TcxoError as error:
        return NoPhase(str(error))
