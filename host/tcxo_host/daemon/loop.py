"""The loop: link in, file out. The only module that waits, reads clocks and answers signals."""

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
from ..errors import DataError, LinkError
from ..estimate.interface import Estimator
from ..estimate.registry import make_estimator
from ..link.interface import Link, Received
from ..link.url import open_link
from ..publish.policy import PublishPolicy
from .board_fit import misfits
from .kept_state import Memory
from .outputs import Outputs
from .pipeline import Event, Identified, Message, Pipeline, Refused, Row
from .rate_limit import RateLimit
from .systemd import Notifier

__all__ = ["Daemon"]

log = logging.getLogger("tcxo_host")

READ_TIMEOUT_S = 0.5
ASK_AGAIN_S = 2.0
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 15.0


@dataclass(slots=True)
class _Said:
    """What was last logged, so that each change is said once."""

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
    to run fast against the system clock. ``open_link`` opens a link by its URL and line rate.
    A board that cannot be used (another protocol, an impossible identity) is a hold, said once, until another
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
        open_link: Callable[[str, int], Link] = open_link,
    ) -> None:
        self._config = config
        self._open_link = open_link
        self._retry = retry
        self._outputs = Outputs(config, pwm_bias_ppm)
        estimator = _make_estimator(config)
        self._memory = Memory(config, estimator)
        policy = PublishPolicy(config.output.max_step_ppm)
        doubt = pwm_problem or (lambda: "")
        self._pipeline = Pipeline(estimator, policy, self._memory.baseline, doubt)
        self._line_before = LineCounts()
        self._closed_s = 0.0  # when the last second closed, or the link was opened
        self._stopping = False
        self._said = _Said()
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
        pause_s = RETRY_FIRST_S
        try:
            while not self._stopping:
                try:
                    link = self._open_link(self._config.link.url, self._config.link.baud)
                    pause_s = RETRY_FIRST_S
                    self._follow(link)
                except (LinkError, DataError) as error:
                    self._link_lost(error)
                    self._wait(pause_s)
                    pause_s = min(2 * pause_s, RETRY_MOST_S)
        finally:
            self._notifier.stopping()
            self._memory.close()
            self._outputs.close()
        log.info("stopped%s", f"; {path} keeps its last value" if path else "")

    def _follow(self, link: Link) -> None:
        """One open link, until it goes away or we are told to stop."""
        # An I2C bus opens whether or not a board is on it: what is tried again in vain is told once.
        if not self._said.link_open:
            log.info("link %s is open", link.url)
        self._said.link_open = True
        self._pipeline.link_opened()
        self._outputs.link_opened(time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW))
        asked = heard = self._closed_s = time.monotonic()
        try:
            link.send("id")
            link.send("stream on")
            while not self._stopping:
                received = link.read(READ_TIMEOUT_S)
                now = time.monotonic()
                for each in received:
                    if self._stopping:
                        break
                    self._take(each, link.counts)
                if received:
                    heard = now
                    self._said.link_error, self._said.link_open = "", False
                silent = now - heard > self._config.link.silence_s
                if now - self._closed_s > self._config.link.silence_s:
                    reason = self._why_no_second(silent)
                    self._state("hold", reason)
                    self._outputs.no_row(reason, self._pipeline, _added(self._line_before, link.counts))
                self._tell_kept_back(now)
                if (silent or self._pipeline.wants_identify) and now - asked > ASK_AGAIN_S:
                    asked = now
                    link.send("id")
                    link.send("stream on")
        finally:
            self._line_before = _added(self._line_before, link.counts)
            link.close()

    def _why_no_second(self, silent: bool) -> str:
        seconds = f"{self._config.link.silence_s:g} s"
        if silent:
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
            self._memory.tick(time.monotonic())
            self._state(str(event.state), event.reason)
        elif isinstance(event, Identified):
            self._said.refusal = ""
            if event.restarted:
                self._identified(event.identify)
        elif isinstance(event, Refused):
            if event.reason != self._said.refusal and self._board_lines.passes(time.monotonic()):
                self._said.refusal = event.reason
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
        for misfit in misfits(who, self._config.pwm):
            log.warning("%s", misfit)

    def _state(self, state: str, reason: str) -> None:
        """Log a change of state; a reason that only counts on (numbers differ) is no change.

        Every call is a valid second or a deliberate hold, which is what feeds systemd's watchdog.
        """
        self._notifier.watchdog()
        shown = _without_digits(f"{state} {reason}")
        if shown != self._said.state and self._state_lines.passes(time.monotonic()):
            log.info("state %s%s", state, f": {reason}" if reason else "")
            self._said.state = shown
        self._notifier.status(f"{state}{f': {reason}' if reason else ''}")

    def _message(self, message: Message) -> None:
        """Board lines as they come, unless too many do; complaints about records at the 1st, 10th... time."""
        if message.board:
            if self._board_lines.passes(time.monotonic()):
                log.info("board says: %s", message.text)
            return
        self._said.bad_records += 1
        count = self._said.bad_records
        if str(count).rstrip("0") == "1":
            log.warning("%s (%d so far)", message.text, count)

    def _tell_kept_back(self, now_s: float) -> None:
        count = self._board_lines.take_kept_back(now_s)
        if count:
            log.warning("%d lines about the board were left out: it makes more than can be logged", count)

    def _link_lost(self, error: LinkError | DataError) -> None:
        if not self._retry:
            raise error
        if _without_digits(str(error)) != _without_digits(self._said.link_error):
            log.warning("%s; trying again until it is back", error)
        self._said.link_error = str(error)
        self._said.link_reason = (
            "no link to the board" if isinstance(error, LinkError) else "the board cannot be used"
        )
        self._state("hold", self._said.link_reason)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            reason = f"{self._said.link_reason}: {self._said.link_error}"
            self._outputs.no_row(reason, self._pipeline, self._line_before)
            time.sleep(min(0.2, seconds))
            self._notifier.watchdog()  # waiting for the board is a deliberate hold

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        log.warning("SIGHUP: the configuration is read at start only; restart the daemon to apply a change")


def _make_estimator(config: Config) -> Estimator:
    chosen = config.estimator
    estimator = make_estimator(chosen.name, chosen.start_limit_ppm, chosen.holdover_limit_ppm)
    if not config.pwm.rp1_ratio:
        return estimator
    from .rp1_ratio import Rp1Corrected, Rp1Ratio

    return Rp1Corrected(estimator, Rp1Ratio().second)


def _without_digits(text: str) -> str:
    """For comparing what only counts on."""
    return "".join(" " if each.isdigit() else each for each in text)


def _added(one: LineCounts, other: LineCounts) -> LineCounts:
    return LineCounts(
        one.frames + other.frames,
        one.bad_frames + other.bad_frames,
        one.lost_frames + other.lost_frames,
        one.skipped_bytes + other.skipped_bytes,
    )
