"""The loop: link in, outputs out; it answers signals, and keeps the service manager informed."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import Identify

from ..config.settings import Config
from ..config.trial import held_reason, lease_path
from ..errors import DataError, LinkError, without_digits
from ..estimate.interface import Estimator
from ..estimate.registry import make_estimator
from ..link.interface import Link, Received
from ..link.session import Session, retry_pauses
from ..link.url import open_link
from ..publish.compensation import Compensation
from ..publish.policy import PublishPolicy
from .board_fit import misfits
from .kept_state import KeptState
from .output import Output
from .outputs import Outputs
from .outside import Outside
from .pipeline import Event, Identified, Message, Pipeline, Refused, Row
from .rate_limit import RateLimit
from .systemd import Notifier

__all__ = ["Daemon"]

log = logging.getLogger("tcxo_host")

READ_TIMEOUT_S = 0.5


@dataclass(slots=True)
class _Logged:
    """What was last logged, so that each change is logged once."""

    state: str = ""
    link_error: str = ""
    link_reason: str = ""
    link_open: bool = False
    """That the link is open, and nothing has come over it since."""
    bad_records: int = 0
    refusal: str = ""


class Daemon:
    """Follows a board's stream and publishes; ends on SIGTERM or SIGINT and leaves the file as it is.

    ``retry`` false: raise LinkError instead of reconnecting for ever. ``pwm_problem`` is asked every second
    why the PWM may not be trusted; an empty answer means that it may. ``pwm_bias_ppm``: by how much it is known
    to run fast against the system clock. ``chrony_adds_ppm``: what chrony's tempcomp line adds to the number in the
    file. ``phase``: the output that hands chrony GPS time, ``ptp``: that which tells a PTP server what the clock is
    worth, where there is one. ``each_turn`` is called at least once a second, whether or not the board is there.
    ``open_link`` opens a link by its URL and line rate.
    A board that cannot be used (another protocol, an impossible identity) is a hold, logged once, until another
    one is there.
    Raises OutputError when the output cannot be owned.
    """

    def __init__(
        self,
        config: Config,
        *,
        retry: bool = True,
        pwm_problem: Callable[[], str] | None = None,
        pwm_bias_ppm: float = 0.0,
        chrony_adds_ppm: float = 0.0,
        phase: Output | None = None,
        ptp: Output | None = None,
        each_turn: Callable[[], None] = lambda: None,
        open_link: Callable[[str, int], Link] = open_link,
    ) -> None:
        self._config = config
        self._open_link = open_link
        self._retry = retry
        self._outputs = Outputs(config, pwm_bias_ppm, phase, ptp)
        estimator = _make_estimator(config)
        self._kept = KeptState(config, estimator)
        policy = PublishPolicy(config.output.max_step_ppm)
        self._outside = outside = Outside(
            config, self._outputs, self._kept.remembered, pwm_problem, pwm_bias_ppm, chrony_adds_ppm
        )
        compensation = Compensation(self._kept.baseline, outside.applied, outside.chrony_ppm)
        self._pipeline = Pipeline(
            estimator,
            policy,
            compensation,
            outside.doubt,
            outside.has_fix,
            config.host_rate_hz,
            _trial(config.output.status),
        )
        self._each_turn = each_turn
        self._line_before = LineCounts()
        self._closed_s = 0.0  # when the last second closed, or the link was opened
        self._stopping = False
        self._logged = _Logged()
        self._board_lines, self._state_lines = RateLimit(), RateLimit()
        self._notifier = Notifier()

    def run(self) -> None:
        """Until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._hang_up)
        path = self._outputs.tempcomp_path
        target = f"writing {path}" if path else "measuring only"
        log.info("%s, estimator %s", target, self._config.estimator.name)
        self._notifier.ready()
        pauses = retry_pauses()
        try:
            while not self._stopping:
                try:
                    link = self._open_link(self._config.link.url, self._config.link.baud)
                    pauses = retry_pauses()
                    self._follow(link)
                except (LinkError, DataError) as error:
                    self._link_lost(error)
                    self._wait(next(pauses))
        finally:
            self._notifier.stopping()
            self._kept.close(not self._outside.gps_is_doubted)
            self._outputs.close()
            self._outside.close()
        log.info("stopped%s", f"; {path} keeps its last value" if path else "")

    def _follow(self, link: Link) -> None:
        """One open link, until it goes away or we are told to stop."""
        # An I2C bus opens whether or not a board is on it: what is tried again in vain is logged once.
        if not self._logged.link_open:
            log.info("link %s is open", link.url)
        self._logged.link_open = True
        self._pipeline.link_opened()
        self._outputs.link_opened(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW))
        self._closed_s = time.monotonic()
        try:
            session = Session(link)
            while not self._stopping:
                received = session.read(READ_TIMEOUT_S)
                for each in received:
                    if self._stopping:
                        break
                    self._take(each, link.counts)
                if received:
                    self._logged.link_error, self._logged.link_open = "", False
                self._look_after(session)
        finally:
            self._line_before = _added(self._line_before, link.counts)
            link.close()

    def _look_after(self, session: Session) -> None:
        """What is due whether or not something came."""
        self._each_turn()
        now, patience_s = time.monotonic(), self._config.link.silence_s
        if now - self._closed_s > patience_s:
            reason = self._why_no_second(session.silent_s > patience_s)
            self._state("hold", reason)
            line = _added(self._line_before, session.link.counts)
            self._outputs.no_row(reason, self._pipeline, line)
        self._log_kept_back(now)
        session.ask_again(self._pipeline.wants_identify)

    def _why_no_second(self, silent: bool) -> str:
        seconds = f"{self._config.link.silence_s:g} s"
        if silent and not self._pipeline.complaint:
            return f"no records from the board for {seconds}"
        if self._pipeline.doubt:
            return self._pipeline.doubt
        if self._pipeline.needs_identify:
            return "the board sends, but has not told who it is"
        return f"no status record from the board for {seconds}"

    def _take(self, received: Received, line: LineCounts) -> None:
        self._outputs.take_frame(received, line)
        for event in self._pipeline.feed(received.host_ns, received.payload):
            self._handle(event, line)

    def _handle(self, event: Event, line: LineCounts) -> None:
        if isinstance(event, Row):
            self._closed_s = time.monotonic()
            self._outputs.take_row(event, self._pipeline, _added(self._line_before, line))
            self._kept.tick(time.monotonic(), not self._outside.gps_is_doubted)
            self._state(str(event.state), event.reason)
            if event.note and self._state_lines.passes(time.monotonic()):
                log.info("%s", event.note)
        elif isinstance(event, Identified):
            self._logged.refusal = ""
            if event.restarted:
                self._identified(event.identify)
        elif isinstance(event, Refused):
            if event.reason != self._logged.refusal and self._board_lines.passes(time.monotonic()):
                self._logged.refusal = event.reason
                log.warning("%s", event.reason)
        elif isinstance(event, Message):
            self._message(event)

    def _identified(self, who: Identify) -> None:
        if not self._board_lines.passes(time.monotonic()):
            return
        log.info(
            "board %s, firmware %s, boot %08x, %d Hz",
            who.board, who.firmware_version, who.boot_id, who.tick_hz,
        )  # fmt: skip
        for misfit in misfits(who):
            log.warning("%s", misfit)

    def _state(self, state: str, reason: str) -> None:
        """Log a change of state; a reason in which only numbers differ is no change.

        Every call is a valid second or a deliberate hold, which is what feeds systemd's watchdog.
        """
        self._notifier.watchdog()
        shown = without_digits(f"{state} {reason}")
        if shown != self._logged.state and self._state_lines.passes(time.monotonic()):
            log.info("state %s%s", state, f": {reason}" if reason else "")
            self._logged.state = shown
        self._notifier.status(f"{state}{f': {reason}' if reason else ''}")

    def _message(self, message: Message) -> None:
        """Board lines as they come, unless too many do; complaints about records at the 1st, 10th... time."""
        if message.board:
            if self._board_lines.passes(time.monotonic()):
                log.info("board says: %s", message.text)
            return
        self._logged.bad_records += 1
        count = self._logged.bad_records
        if str(count).rstrip("0") == "1":
            log.warning("%s (%d so far)", message.text, count)

    def _log_kept_back(self, now_s: float) -> None:
        count = self._board_lines.take_kept_back(now_s)
        if count:
            log.warning("%d lines about the board were left out: it makes more than can be logged", count)

    def _link_lost(self, error: LinkError | DataError) -> None:
        if not self._retry:
            raise error
        if without_digits(str(error)) != without_digits(self._logged.link_error):
            log.warning("%s; trying again until it is back", error)
        self._logged.link_error = str(error)
        self._logged.link_reason = (
            "no link to the board" if isinstance(error, LinkError) else "the board cannot be used"
        )
        self._state("hold", self._logged.link_reason)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            reason = f"{self._logged.link_reason}: {self._logged.link_error}"
            self._outputs.no_row(reason, self._pipeline, self._line_before)
            self._each_turn()
            time.sleep(min(0.2, seconds))
            self._notifier.watchdog()  # waiting for the board is a deliberate hold

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        log.warning("SIGHUP: the configuration is read at start only; restart the daemon to apply a change")


def _make_estimator(config: Config) -> Estimator:
    chosen = config.estimator
    return make_estimator(
        chosen.name, chosen.start_limit_ppm, chosen.holdover_limit_ppm, phase=config.phase.enabled
    )


def _trial(status_path: str) -> Callable[[], str]:
    """Asks whether a trial holds the file; without a status nobody could follow a trial, and none is held."""
    if not status_path:
        return lambda: ""
    path = lease_path(status_path)
    return lambda: held_reason(path)


def _added(one: LineCounts, other: LineCounts) -> LineCounts:
    return LineCounts(
        one.frames + other.frames,
        one.bad_frames + other.bad_frames,
        one.lost_frames + other.lost_frames,
        one.skipped_bytes + other.skipped_bytes,
    )
