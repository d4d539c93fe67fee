"""The one way from frames to published values, live and in replay. Pure: times come in as arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tcxo_protocol.records import (
    Identify,
    IdentityError,
    ProtocolError,
    Status,
    Text,
    iter_bodies,
    parse_body,
)
from tcxo_protocol.spec import RecordType, Role

from ..edges.account import SILENCE_NS
from ..edges.collector import EdgeCollector
from ..edges.second import Second
from ..estimate.interface import Estimate, Estimator, State
from ..publish.baseline import Baseline
from ..publish.compensation import Compensation
from ..publish.policy import Decision, PublishPolicy

__all__ = ["Event", "Identified", "Message", "Pipeline", "Refused", "Row"]


CLOCK_COMPLAINTS = ("no clock at ", "wrong clock at ")
"""How a text record of a board begins that has lost its clock from outside (the firmware's ``clock.py``)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One second's outcome. ``time_s``: board time since the first edge seen, in nominal ticks.

    ``published_ppm`` is the value for chrony, None when nothing is to be written; ``believed_ppm`` the crystal's
    error that was let through, + when it runs fast, None when none was.
    """

    time_s: float
    tick: int
    boot_id: int
    host_ns: int
    state: State
    reason: str
    published_ppm: float | None
    believed_ppm: float | None
    estimate: Estimate
    temperature_c: float | None
    baseline_ppm: float = 0.0
    note: str = ""
    """What happened to the baseline in this second, for the log; mostly empty."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The board said who it is. ``restarted``: its ticks began anew (also true for the first time)."""

    identify: Identify
    restarted: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A line for the log: from the board (``board`` true) or about what it sent."""

    text: str
    board: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The board told an identity that cannot be used: nothing of it is, until it tells another one."""

    reason: str


Event = Row | Identified | Message | Refused


class Pipeline:
    """Frames in, events out; the same events for the same frames at the same host times.

    ``doubt`` is asked every second, with the estimate, the row's time and the board's name, why what is measured may
    not be used; an empty answer means that it may. ``has_fix``: whether the GPS receiver has a fix; without one
    its pulses are not used. None where nothing tells. ``host_rate_hz``: the nominal rate of this computer's signal
    where it may not be the one that the board expects. ``held``: why a trial wants nothing written in this second, or
    an empty text; the measurement and its state go on.
    """

    def __init__(
        self,
        estimator: Estimator,
        policy: PublishPolicy,
        compensation: Compensation | None = None,
        doubt: Callable[[Estimate, float, str], str] = lambda estimate, time_s, board_id: "",
        has_fix: Callable[[], bool | None] = lambda: None,
        host_rate_hz: float | None = None,
        held: Callable[[], str] = lambda: "",
    ) -> None:
        self.collector = EdgeCollector({Role.HOST_PWM.label: host_rate_hz} if host_rate_hz else None)
        self.status: Status | None = None
        self.bad_records = 0
        self.refusal = ""
        """Why the latest identity cannot be used; empty when it can, or when none came."""
        self.complaint = ""
        """What the board says is wrong with its clock from outside; empty since it told who it is."""
        self._estimator = estimator
        self._policy = policy
        self._compensation = compensation or Compensation(Baseline(0.0))
        self._doubt = doubt
        self._has_fix = has_fix
        self._held = held
        self._time_origin: float | None = None
        self._last_time: tuple[float, int] = (0.0, 0)
        self._last_host_ns: int | None = None

    @property
    def needs_identify(self) -> bool:
        """True while nothing can be used until the board is asked who it is."""
        return self.collector.needs_identify

    @property
    def wants_identify(self) -> bool:
        """True when the board should be asked who it is, to go on or to be sure."""
        return self.collector.account.wants_identify

    @property
    def doubt(self) -> str:
        """Why no second closes although status records come; empty when there is no such reason."""
        return self.complaint or self.refusal or self.collector.account.doubt

    def link_opened(self) -> None:
        """The line was (re)opened: who is at the other end is to be asked."""
        self.collector.account.must_identify()

    def feed(self, host_ns: int, payload: bytes) -> list[Event]:
        """Take one frame's records, received at ``host_ns`` (CLOCK_MONOTONIC_RAW).

        Bad records are counted and reported as a Message; those beside them are used.
        """
        if self._last_host_ns is not None and host_ns - self._last_host_ns > SILENCE_NS:
            self.collector.account.must_identify()
        self._last_host_ns = host_ns
        events: list[Event] = []
        try:
            for kind, body in iter_bodies(payload):
                try:
                    if kind == RecordType.EDGES:
                        self.collector.take_edges(body)
                    else:
                        events += self._other(host_ns, kind, body)
                except ProtocolError as error:
                    events.append(self._bad(error))
        except ProtocolError as error:
            events.append(self._bad(error))
        return events

    def _bad(self, error: ProtocolError) -> Event:
        self.bad_records += 1
        if isinstance(error, IdentityError):
            self.refusal = str(error)
            self.collector.account.must_identify()
            return Refused(self.refusal)
        return Message(f"bad record: {error}")

    def _other(self, host_ns: int, kind: int, body: bytes) -> list[Event]:
        record = parse_body(kind, body)
        if isinstance(record, Identify):
            return self._identified(record)
        if isinstance(record, Status):
            self.status = record
            second = self.collector.take_status(record)
            return [self._close(host_ns, second)] if second is not None else []
        if isinstance(record, Text):
            if record.text.startswith(CLOCK_COMPLAINTS):
                self.complaint = record.text
            return [Message(record.text, board=True)]
        return []

    def _identified(self, record: Identify) -> list[Event]:
        self.refusal = self.complaint = ""
        restarted = self.collector.take_identify(record)
        if restarted:
            self._time_origin = None
            assert self.collector.board is not None
            self._estimator.restart(self.collector.board)
        return [Identified(record, restarted)]

    def _close(self, host_ns: int, second: Second) -> Row:
        board = self.collector.board
        assert board is not None
        time_s = self._time_s(host_ns, second.tick_now, board.tick_hz)
        estimate = self._estimate(second, time_s, board.board_id)
        decision = self._policy.decide(estimate)
        if decision.error_ppm is not None and (held := self._held()):
            decision = Decision(None, decision.state, held)
        outcome = self._compensation.second(decision.error_ppm, board.board_id, time_s)
        return Row(
            time_s=time_s,
            tick=second.tick_now,
            boot_id=board.boot_id,
            host_ns=host_ns,
            state=State.HOLD if outcome.reason else decision.state,
            reason=outcome.reason or decision.reason,
            published_ppm=outcome.value_ppm,
            believed_ppm=decision.error_ppm,
            estimate=estimate,
            temperature_c=second.temperature_c,
            baseline_ppm=outcome.baseline_ppm,
            note=outcome.note,
        )

    def _estimate(self, second: Second, time_s: float, board_id: str) -> Estimate:
        """The estimate of a second, held where there is a doubt from outside."""
        has_no_fix = self._has_fix() is False
        if has_no_fix:
            without_gps = {role: ticks for role, ticks in second.ticks.items() if role != Role.GPS_PPS.label}
            second = replace(second, ticks=without_gps)
        estimate = self._estimator.update(second)
        doubt = self._doubt(estimate, time_s, board_id)
        if doubt:
            return replace(estimate, state=State.HOLD, reason=doubt)
        if has_no_fix and estimate.reason:
            return replace(estimate, reason=f"{estimate.reason} (gpsd: the receiver has no fix)")
        return estimate

    def _time_s(self, host_ns: int, tick: int, tick_hz: float) -> float:
        """Ticks since the first edge over ``tick_hz``; across a board's restart the host's clock bridges."""
        if self._time_origin is None:
            first_tick = self.collector.first_tick
            if first_tick is None:
                return self._last_time[0]
            last_s, last_ns = self._last_time
            elapsed_s = (host_ns - last_ns) / 1e9 if last_ns else (tick - first_tick) / tick_hz
            self._time_origin = tick / tick_hz - (last_s + elapsed_s)
        time_s = tick / tick_hz - self._time_origin
        self._last_time = (time_s, host_ns)
        return time_s
